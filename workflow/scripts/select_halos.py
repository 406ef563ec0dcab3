"""Rule select_halos."""

from lagbias.jobs import reporting
from lagbias.layout import BoxFiles, parse_tracer
from lagbias.mesh import write_halos


def run(job):
    with reporting(job):
        redshift, tracer = job.params.redshift, parse_tracer(job.wildcards.tracer)
        files = BoxFiles.under(
            job.params.root, job.wildcards.sim, redshift, job.params.density_grid
        )
        write_halos(
            files,
            redshift,
            tracer.min_particles,
            job.params.cell_size,
            job.output[0],
            tracer.weighting,
            job.params.galaxies,
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

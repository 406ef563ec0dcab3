"""Rule index_particles."""

from lagbias.jobs import reporting
from lagbias.layout import BoxFiles
from lagbias.mesh import write_particles


def run(job):
    with reporting(job):
        redshift = job.params.redshift
        files = BoxFiles.under(
            job.params.root, job.wildcards.sim, redshift, job.params.density_grid
        )
        write_particles(
            files,
            redshift,
            job.params.cell_size,
            job.output[0],
            job.threads,
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

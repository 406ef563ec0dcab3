"""Rule populate_halos."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.hod import write_galaxies
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        tracer = parse_tracer(job.wildcards.tracer)
        write_galaxies(
            open_box(job.wildcards.sim, **job.params.box),
            tracer.weighting,
            job.params.occupation,
            tracer.min_particles,
            job.params.master_seed,
            job.params.cell_size,
            job.output[0],
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule select_halos."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.selection import WEIGHTINGS, write_halos
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        tracer = parse_tracer(job.wildcards.tracer)
        write_halos(
            open_box(job.wildcards.sim, **job.params.box),
            tracer.min_particles,
            job.params.cell_size,
            job.output[0],
            WEIGHTINGS[tracer.weighting],
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

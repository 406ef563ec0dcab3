"""Rule label_particles."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.labelling import write_labels
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        write_labels(
            open_box(job.wildcards.sim, **job.params.box),
            job.input.particles,
            parse_tracer(job.wildcards.tracer),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

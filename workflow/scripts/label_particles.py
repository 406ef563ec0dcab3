"""Rule label_particles."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.labelling import write_labels
from lagbias.simulations.abacus.tree import BoxFiles


def run(job):
    with reporting(job):
        write_labels(
            BoxFiles.under(name=job.wildcards.sim, **job.params.box),
            job.params.box["redshift"],
            job.input.particles,
            parse_tracer(job.wildcards.tracer),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

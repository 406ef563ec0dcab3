"""Rule predict_labels."""

from lagbias.base.jobs import reporting
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.yardsticks.protohalos import write_label_prediction


def run(job):
    with reporting(job):
        write_label_prediction(
            BoxFiles.under(name=job.wildcards.sim, **job.params.box),
            job.input.particles,
            job.input.halos,
            job.params.cell_size,
            job.output[0],
            threads=job.threads,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

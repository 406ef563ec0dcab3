"""Rule predict_labels."""

from lagbias.base.jobs import reporting
from lagbias.halos.labels import write_label_prediction
from lagbias.simulations.abacus.tree import BoxFiles


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

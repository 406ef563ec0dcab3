"""Rule tabulate_biases."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import of_models
from lagbias.tables.biases import write_biases


def run(job):
    with reporting(job):
        write_biases(
            of_models(job.input.explanations),
            of_models(job.input.coefficients),
            next(iter(job.input.linear), None),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

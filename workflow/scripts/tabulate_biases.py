"""Rule tabulate_biases."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import model_of, of_models
from lagbias.tables.biases import write_biases


def run(job):
    with reporting(job):
        write_biases(
            model_of(job.input.explanation),
            job.input.explanation,
            of_models(job.input.coefficients),
            next(iter(job.input.linear), None),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

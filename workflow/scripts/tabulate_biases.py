"""Rule tabulate_biases."""

from lagbias.jobs import reporting
from lagbias.tables import write_biases


def run(job):
    with reporting(job):
        write_biases(
            job.params.network,
            job.input.explanation,
            dict(zip(job.params.polynomials, job.input.coefficients, strict=True)),
            next(iter(job.input.linear), None),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

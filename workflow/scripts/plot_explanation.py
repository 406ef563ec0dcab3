"""Rule plot_explanation."""

from lagbias.jobs import reporting
from lagbias.plots_explanation import plot_explanation


def run(job):
    with reporting(job):
        plot_explanation(
            job.input.explanation,
            dict(zip(job.params.polynomials, job.input.coefficients, strict=True)),
            next(iter(job.input.linear), None),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

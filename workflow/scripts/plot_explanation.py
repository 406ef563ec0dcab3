"""Rule plot_explanation."""

from lagbias.base.jobs import reporting
from lagbias.figures.explanation import plot_explanation
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        plot_explanation(
            job.input.explanations[0],  # of the showcase
            of_models(job.input.coefficients),
            next(iter(job.input.linear), None),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

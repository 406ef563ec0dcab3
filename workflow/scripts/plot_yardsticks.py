"""Rule plot_yardsticks."""

from lagbias.base.jobs import reporting
from lagbias.figures.spectra import plot_yardsticks
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        plot_yardsticks(
            of_models(job.input.spectra),
            of_models(job.input.coefficients),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

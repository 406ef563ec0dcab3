"""Rule plot_yardsticks."""

from lagbias.base.jobs import reporting
from lagbias.config.yardsticks import add_own
from lagbias.figures.spectra import plot_yardsticks
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        add_own(job.params.own_yardsticks)
        plot_yardsticks(
            of_models(job.input.spectra),
            of_models(job.input.coefficients),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_statistics."""

from lagbias.base.jobs import reporting
from lagbias.figures.statistics import plot_statistics
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        plot_statistics(
            of_models(job.input.statistics),
            of_models(job.input.redshift_space),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_comparison."""

from lagbias.base.jobs import reporting
from lagbias.figures.comparison import plot_comparison


def run(job):
    with reporting(job):
        plot_comparison(job.input.comparison, job.output)


if "snakemake" in globals():
    run(snakemake)

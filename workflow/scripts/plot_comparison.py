"""Rule plot_comparison."""

from lagbias.jobs import reporting
from lagbias.plots_comparison import plot_comparison


def run(job):
    with reporting(job):
        plot_comparison(job.input.comparison, job.output)


if "snakemake" in globals():
    run(snakemake)

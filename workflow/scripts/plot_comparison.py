"""Rule plot_comparison."""

from lagbias.base.jobs import reporting
from lagbias.config.yardsticks import add_own
from lagbias.figures.comparison import plot_comparison


def run(job):
    with reporting(job):
        add_own(job.params.own_yardsticks)
        plot_comparison(job.input.comparison, job.output)


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_by_directions."""

from lagbias.base.jobs import reporting
from lagbias.figures.directions import plot_by_directions


def run(job):
    with reporting(job):
        plot_by_directions(job.input.comparison, job.params.models, job.output)


if "snakemake" in globals():
    run(snakemake)

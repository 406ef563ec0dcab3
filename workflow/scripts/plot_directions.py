"""Rule plot_directions."""

from lagbias.base.jobs import reporting
from lagbias.figures.directions import plot_directions


def run(job):
    with reporting(job):
        plot_directions(job.input.projection, job.input.gradient_pca, job.input.halos, job.output)


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_directions."""

from lagbias.jobs import reporting
from lagbias.plots import plot_directions


def run(job):
    with reporting(job):
        plot_directions(job.input.projection, job.input.gradient_pca, job.input.halos, job.output)


if "snakemake" in globals():
    run(snakemake)

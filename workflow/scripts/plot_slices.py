"""Rule plot_slices."""

from lagbias.base.jobs import reporting
from lagbias.figures.slices import plot_slices


def run(job):
    with reporting(job):
        plot_slices(job.input.prediction, job.input.halos, job.output)


if "snakemake" in globals():
    run(snakemake)

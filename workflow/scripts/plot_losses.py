"""Rule plot_losses."""

from lagbias.jobs import reporting
from lagbias.layout import by_model
from lagbias.plots import plot_losses


def run(job):
    with reporting(job):
        plot_losses(by_model(job.params.models, job.input.losses), job.output)


if "snakemake" in globals():
    run(snakemake)

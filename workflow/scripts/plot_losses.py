"""Rule plot_losses."""

from lagbias.base.jobs import reporting
from lagbias.figures.losses import plot_losses
from lagbias.plan.paths import by_model


def run(job):
    with reporting(job):
        plot_losses(by_model(job.input.losses), job.output)


if "snakemake" in globals():
    run(snakemake)

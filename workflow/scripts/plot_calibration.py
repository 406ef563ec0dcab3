"""Rule plot_calibration."""

from lagbias.base.jobs import reporting
from lagbias.figures.calibration import plot_calibration
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        plot_calibration(of_models(job.input.calibration), job.output)


if "snakemake" in globals():
    run(snakemake)

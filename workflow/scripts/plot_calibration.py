"""Rule plot_calibration."""

from lagbias.jobs import reporting
from lagbias.plots_calibration import plot_calibration


def run(job):
    with reporting(job):
        plot_calibration(
            dict(zip(job.params.models, job.input.calibration, strict=True)), job.output
        )


if "snakemake" in globals():
    run(snakemake)

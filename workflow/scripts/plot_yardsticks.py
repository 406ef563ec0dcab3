"""Rule plot_yardsticks."""

from lagbias.jobs import reporting
from lagbias.plots import plot_yardsticks


def run(job):
    with reporting(job):
        plot_yardsticks(
            dict(zip(job.params.models, job.input.spectra, strict=True)),
            dict(zip(job.params.lagrangian, job.input.coefficients, strict=True)),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_spectra_by_scales."""

from lagbias.base.jobs import reporting
from lagbias.figures.spectra import plot_spectra
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        plot_spectra(of_models(job.input.spectra), job.output)


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_spectra_by_scales."""

from lagbias.jobs import reporting
from lagbias.plots import plot_spectra


def run(job):
    with reporting(job):
        plot_spectra(dict(zip(job.params.models, job.input.spectra, strict=True)), job.output)


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_gradient_spectra."""

from lagbias.jobs import reporting
from lagbias.plots import plot_gradient_spectra


def run(job):
    with reporting(job):
        plot_gradient_spectra(dict(zip(job.params.models, job.input.pca, strict=True)), job.output)


if "snakemake" in globals():
    run(snakemake)

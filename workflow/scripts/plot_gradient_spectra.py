"""Rule plot_gradient_spectra."""

from lagbias.base.jobs import reporting
from lagbias.figures.directions import plot_gradient_spectra
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        plot_gradient_spectra(of_models(job.input.pca), job.output)


if "snakemake" in globals():
    run(snakemake)

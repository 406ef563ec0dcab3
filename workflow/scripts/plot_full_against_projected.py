"""Rule plot_full_against_projected."""

from lagbias.base.jobs import reporting
from lagbias.figures.spectra import plot_full_against_projected
from lagbias.plan.paths import of_models


def run(job):
    with reporting(job):
        full = of_models(job.input.full)
        projected = of_models(job.input.projected)
        plot_full_against_projected(full, projected, job.output)


if "snakemake" in globals():
    run(snakemake)

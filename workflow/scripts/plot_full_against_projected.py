"""Rule plot_full_against_projected."""

from lagbias.jobs import reporting
from lagbias.plots import plot_full_against_projected


def run(job):
    with reporting(job):
        full = dict(zip(job.params.full, job.input.full, strict=True))
        projected = dict(zip(job.params.projected, job.input.projected, strict=True))
        plot_full_against_projected(full, projected, job.output)


if "snakemake" in globals():
    run(snakemake)

"""Rule plot_statistics."""

from lagbias.jobs import reporting
from lagbias.plots_statistics import plot_statistics


def run(job):
    with reporting(job):
        plot_statistics(
            dict(zip(job.params.models, job.input.statistics, strict=True)),
            dict(zip(job.params.in_redshift_space, job.input.redshift_space, strict=True)),
            job.output,
        )


if "snakemake" in globals():
    run(snakemake)

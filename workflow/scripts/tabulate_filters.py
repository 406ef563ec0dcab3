"""Rule tabulate_filters."""

from lagbias.jobs import reporting
from lagbias.tables import write_filters


def run(job):
    with reporting(job):
        files = zip(job.input.pca, job.input.projections, strict=True)
        fits = dict(zip(job.params.models, files, strict=True))
        write_filters(fits, job.input.linear_power, job.input.halos, job.output[0])


if "snakemake" in globals():
    run(snakemake)

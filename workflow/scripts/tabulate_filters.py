"""Rule tabulate_filters."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import by_model
from lagbias.tables.directions import write_filters


def run(job):
    with reporting(job):
        files = by_model([*job.input.pca, *job.input.projections])
        fits = {model: (pca, projection) for model, (pca, projection) in files.items()}
        write_filters(fits, job.input.linear_power, job.input.halos, job.output[0])


if "snakemake" in globals():
    run(snakemake)

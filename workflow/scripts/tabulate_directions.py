"""Rule tabulate_directions."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import of_models
from lagbias.tables.directions import write_directions


def run(job):
    with reporting(job):
        write_directions(of_models(job.input.pca), job.output[0])


if "snakemake" in globals():
    run(snakemake)

"""Rule tabulate_directions."""

from lagbias.jobs import reporting
from lagbias.tables import write_directions


def run(job):
    with reporting(job):
        write_directions(dict(zip(job.params.models, job.input.pca, strict=True)), job.output[0])


if "snakemake" in globals():
    run(snakemake)

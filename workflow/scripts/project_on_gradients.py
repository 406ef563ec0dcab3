"""Rule project_on_gradients."""

from lagbias.base.jobs import reporting
from lagbias.projection.directions import project_on_gradients


def run(job):
    with reporting(job):
        directions = int(job.wildcards.K)
        project_on_gradients(
            job.input.projection,
            job.input.gradient_pca,
            directions,
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

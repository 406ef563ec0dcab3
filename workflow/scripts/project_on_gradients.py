"""Rule project_on_gradients."""

from lagbias.jobs import reporting
from lagbias.projection import project_on_gradients


def run(job):
    with reporting(job):
        directions = int(job.wildcards.K)
        project_on_gradients(
            job.input.projection,
            job.input.gradient_pca,
            directions,
            job.output[0],
            job.params.gradient_of,
        )


if "snakemake" in globals():
    run(snakemake)

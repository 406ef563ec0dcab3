"""Rule sample_response."""

from lagbias.jobs import reporting
from lagbias.layout import features_by_box, weights_by_seed
from lagbias.response import write_response


def run(job):
    with reporting(job):
        write_response(
            weights_by_seed(job.input.weights),
            job.input.projection,
            job.input.gradient_pca,
            features_by_box(job.input.features)[0],
            job.output[0],
            threads=job.threads,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule orthogonalise_features."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import features_by_box
from lagbias.projection.orthogonal import orthogonalise


def run(job):
    with reporting(job):
        projection = orthogonalise(features_by_box(job.input.features), **job.params.inputs)
        projection.write(job.output[0], training_set=job.wildcards.set)


if "snakemake" in globals():
    run(snakemake)

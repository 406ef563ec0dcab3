"""Rule measure_feature_covariance."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import features_by_box
from lagbias.projection.orthogonal import feature_covariance


def run(job):
    with reporting(job):
        features = feature_covariance(features_by_box(job.input.features))
        features.write(job.output[0], training_set=job.wildcards.set)


if "snakemake" in globals():
    run(snakemake)

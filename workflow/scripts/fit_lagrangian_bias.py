"""Rule fit_lagrangian_bias."""

from lagbias.jobs import reporting
from lagbias.lagrangian import fit_lagrangian_bias
from lagbias.layout import features_by_box


def run(job):
    with reporting(job):
        fit_lagrangian_bias(
            job.wildcards.lagrangian,
            features_by_box(job.input.features),
            job.input.particles,
            job.input.halos,
            job.params.block,
            job.params.estimator,
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

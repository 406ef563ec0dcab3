"""Rule fit_lagrangian_bias."""

from lagbias.base.jobs import reporting
from lagbias.base.loading import load
from lagbias.plan.paths import features_by_box
from lagbias.yardsticks.lagrangian import fit_lagrangian_bias


def run(job):
    with reporting(job):
        fit_lagrangian_bias(
            load(job.params.basis),
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

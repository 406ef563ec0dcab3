"""Rule predict_lagrangian_bias."""

from lagbias.base.jobs import reporting
from lagbias.base.loading import load
from lagbias.plan.paths import features_by_box
from lagbias.yardsticks.lagrangian import write_lagrangian_prediction


def run(job):
    with reporting(job):
        write_lagrangian_prediction(
            load(job.params.basis),
            job.input.coefficients,
            features_by_box(job.input.features)[0],
            job.input.particles,
            job.params.cell_size,
            job.output[0],
            threads=job.threads,
            model=job.wildcards.lagrangian,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

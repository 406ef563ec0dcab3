"""Rule make_inputs_by_hand."""

from lagbias.base.jobs import reporting
from lagbias.features.linear_power import LinearPower
from lagbias.plan.paths import features_by_box
from lagbias.projection.by_hand import top_hat_projection


def run(job):
    with reporting(job):
        projection, correlation = top_hat_projection(
            features_by_box(job.input.features),
            LinearPower.read(job.input.linear_power),
            job.params.radius,
        )
        projection.write(
            job.output[0],
            training_set=job.wildcards.set,
            tophat_radius=job.params.radius,
            tophat_correlation=correlation,
        )


if "snakemake" in globals():
    run(snakemake)

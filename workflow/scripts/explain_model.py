"""Rule explain_model."""

from lagbias.base.jobs import reporting
from lagbias.interpretation.explanation import write_explanation
from lagbias.plan.paths import features_by_box, weights_by_seed


def run(job):
    with reporting(job):
        write_explanation(
            weights_by_seed(job.input.weights),
            job.input.projection,
            job.input.gradient_pca,
            features_by_box(job.input.features),
            job.input.particles,
            job.output[0],
            threads=job.threads,
            training_set=job.wildcards.set,
        )


if "snakemake" in globals():
    run(snakemake)

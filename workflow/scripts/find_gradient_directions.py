"""Rule find_gradient_directions."""

from lagbias.base.jobs import reporting
from lagbias.interpretation.gradients import write_gradient_pca
from lagbias.plan.paths import features_by_box, weights_by_seed


def run(job):
    with reporting(job):
        write_gradient_pca(
            weights_by_seed(job.input.weights),
            job.input.projection,
            features_by_box(job.input.features),
            job.input.particles,
            job.output[0],
            threads=job.threads,
            device=job.params.device,
            deterministic=job.params.deterministic,
            training_set=job.wildcards.set,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule write_model."""

from lagbias.base.jobs import reporting
from lagbias.model.write import write_model
from lagbias.plan.paths import features_by_box, weights_by_seed


def run(job):
    with reporting(job):
        write_model(
            weights_by_seed(job.input.weights),
            job.input.projection,
            list(zip(features_by_box(job.input.features), job.input.particles, strict=True)),
            job.input.halos,
            job.input.spectra,
            job.output.model,
            job.output.card,
            **job.params.trained_on,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule train_on_labels."""

from lagbias.base.jobs import reporting
from lagbias.config.training import settings_from
from lagbias.plan.paths import features_by_box
from lagbias.training.cells import Boxes
from lagbias.training.classifier import train_direct


def run(job):
    files = job.input
    training, validation = map(features_by_box, (files.features, files.validation_features))
    with reporting(job):
        train_direct(
            Boxes(training, files.particles, files.halos, files.labels),
            Boxes(
                validation, files.validation_particles, files.validation_halos,
                files.validation_labels,
            ),
            files.projection,
            settings_from(**job.params.settings),
            seed=int(job.wildcards.seed),
            weights=job.output.weights,
            losses=job.output.losses,
            threads=job.threads,
            device=job.params.device,
            deterministic=job.params.deterministic,
            code=job.params.code,
        )  # fmt: skip


if "snakemake" in globals():
    run(snakemake)

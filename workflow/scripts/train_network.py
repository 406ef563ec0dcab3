"""Rule train_network."""

from lagbias.cells import Boxes
from lagbias.direct import train_direct
from lagbias.jobs import reporting
from lagbias.layout import features_by_box
from lagbias.training import train_network
from lagbias.training_settings import settings_from

TRAIN = {"field": train_network, "labels": train_direct}


def run(job):
    files, settings = job.input, settings_from(**job.params.settings)
    with reporting(job):
        TRAIN[settings.objective](
            Boxes(features_by_box(files.features), files.particles, files.halos, files.labels),
            Boxes(
                features_by_box(files.validation_features), files.validation_particles,
                files.validation_halos, files.validation_labels,
            ),
            files.projection,
            settings,
            seed=int(job.wildcards.seed),
            weights=job.output.weights,
            losses=job.output.losses,
            threads=job.threads,
            device=job.params.device,
            start=next(iter(files.start), None),
            deterministic=job.params.deterministic,
        )  # fmt: skip


if "snakemake" in globals():
    run(snakemake)

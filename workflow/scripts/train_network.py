"""Rule train_network."""

from lagbias.cells import Boxes
from lagbias.jobs import reporting
from lagbias.layout import features_by_box
from lagbias.training import train_network
from lagbias.training_settings import settings_from


def run(job):
    files = job.input
    with reporting(job):
        train_network(
            Boxes(features_by_box(files.features), files.particles, files.halos),
            Boxes(
                features_by_box(files.validation_features),
                files.validation_particles,
                files.validation_halos,
            ),
            files.projection,
            settings_from(**job.params.settings),
            seed=int(job.wildcards.seed),
            weights=job.output.weights,
            losses=job.output.losses,
            threads=job.threads,
            device=job.params.device,
        )


if "snakemake" in globals():
    run(snakemake)

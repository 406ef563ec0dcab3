"""Rule train_network."""

from lagbias.base.jobs import reporting
from lagbias.config.training import settings_from
from lagbias.plan.paths import features_by_box
from lagbias.training.cells import Boxes
from lagbias.training.fit import train_network


def run(job):
    files = job.input
    validation = features_by_box(files.validation_features)
    all_in_memory = job.resources.mem_mb >= job.resources.resident_mb
    with reporting(job):
        train_network(
            Boxes(features_by_box(files.features), files.particles, files.halos),
            Boxes(validation, files.validation_particles, files.validation_halos),
            files.projection,
            settings_from(**job.params.settings),
            seed=int(job.wildcards.seed),
            weights=job.output.weights,
            losses=job.output.losses,
            threads=job.threads,
            device=job.params.device,
            deterministic=job.params.deterministic,
            code=job.params.code,
            inputs_in=None if all_in_memory else job.resources.tmpdir,
        )


if "snakemake" in globals():
    run(snakemake)

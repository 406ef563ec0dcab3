"""Rule tabulate_planted."""

from lagbias.base.jobs import reporting
from lagbias.tables.planted import write_comparison


def run(job):
    files = job.input
    with reporting(job):
        write_comparison(
            files.pca,
            list(zip(files.training_features, files.training_particles, strict=True)),
            list(zip(files.test_features, files.test_particles, strict=True)),
            files.predictions,
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

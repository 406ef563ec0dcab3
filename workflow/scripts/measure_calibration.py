"""Rule measure_calibration."""

from lagbias.calibration import write_calibration
from lagbias.jobs import reporting
from lagbias.layout import features_by_box, weights_by_seed


def run(job):
    with reporting(job):
        write_calibration(
            weights_by_seed(job.input.weights),
            job.input.projection,
            features_by_box(job.input.features)[0],
            job.input.particles,
            job.input.labels,
            job.input.training_labels,
            job.output[0],
            threads=job.threads,
            model=job.wildcards.network,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

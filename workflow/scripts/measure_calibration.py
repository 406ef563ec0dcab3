"""Rule measure_calibration."""

from lagbias.base.jobs import reporting
from lagbias.evaluation.calibration import write_calibration
from lagbias.plan.paths import features_by_box, weights_by_seed


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

"""Rule predict_halo_field."""

from lagbias.base.jobs import reporting
from lagbias.evaluation.prediction import write_prediction
from lagbias.plan.paths import features_by_box, weights_by_seed


def run(job):
    with reporting(job):
        write_prediction(
            weights_by_seed(job.input.weights),
            job.input.projection,
            features_by_box(job.input.features)[0],
            job.input.particles,
            job.params.cell_size,
            job.output[0],
            threads=job.threads,
            device=job.params.device,
            deterministic=job.params.deterministic,
            model=job.wildcards.network,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

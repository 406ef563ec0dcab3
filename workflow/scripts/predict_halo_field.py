"""Rule predict_halo_field."""

from lagbias.jobs import reporting
from lagbias.layout import features_by_box, weights_by_seed
from lagbias.prediction import write_prediction


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

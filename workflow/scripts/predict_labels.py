"""Rule predict_labels."""

from lagbias.base.jobs import reporting
from lagbias.halos.velocities import Velocities
from lagbias.simulations.sources import open_box
from lagbias.yardsticks.protohalos import write_label_prediction


def run(job):
    with reporting(job):
        write_label_prediction(
            open_box(job.wildcards.sim, **job.params.box),
            job.input.particles,
            job.input.halos,
            job.params.cell_size,
            job.output[0],
            threads=job.threads,
            velocities=Velocities(**job.params.velocities) if job.params.velocities else None,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

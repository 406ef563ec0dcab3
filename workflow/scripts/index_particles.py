"""Rule index_particles."""

from lagbias.base.jobs import reporting
from lagbias.halos.indexing import write_particles
from lagbias.halos.velocities import Velocities
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        write_particles(
            open_box(job.wildcards.sim, **job.params.box),
            job.params.cell_size,
            job.output[0],
            job.threads,
            velocities=Velocities(**job.params.velocities) if job.params.velocities else None,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule index_particles."""

from lagbias.base.jobs import reporting
from lagbias.halos.indexing import write_particles
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        write_particles(
            open_box(job.wildcards.sim, **job.params.box),
            job.params.cell_size,
            job.output[0],
            job.threads,
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

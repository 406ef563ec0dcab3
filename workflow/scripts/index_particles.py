"""Rule index_particles."""

from lagbias.base.jobs import reporting
from lagbias.halos.indexing import write_particles
from lagbias.simulations.abacus.tree import BoxFiles


def run(job):
    with reporting(job):
        files = BoxFiles.under(name=job.wildcards.sim, **job.params.box)
        write_particles(
            files,
            job.params.box["redshift"],
            job.params.cell_size,
            job.output[0],
            job.threads,
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

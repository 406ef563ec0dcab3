"""Rule paint_matter."""

from lagbias.base.jobs import reporting
from lagbias.halos.carried import write_matter


def run(job):
    with reporting(job):
        write_matter(
            job.input.particles,
            job.params.cell_size,
            job.output[0],
            threads=job.threads,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

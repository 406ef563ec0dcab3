"""Rule measure_linear_power."""

from lagbias.base.jobs import reporting
from lagbias.features.linear_power import write_linear_power
from lagbias.simulations.abacus.reader import read_header, read_linear_density


def run(job):
    with reporting(job):
        density = job.input.density
        write_linear_power(
            lambda: read_linear_density(density, job.params.redshift)[0],
            float(read_header(density)["BoxSize"]),
            job.output[0],
            threads=job.threads,
            simulation=job.wildcards.sim,
            redshift=job.params.redshift,
        )


if "snakemake" in globals():
    run(snakemake)

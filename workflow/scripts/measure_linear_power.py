"""Rule measure_linear_power."""

from lagbias.base.jobs import reporting
from lagbias.features.linear_power import write_linear_power
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        box = open_box(job.wildcards.sim, **job.params.box)
        write_linear_power(
            box.linear_density,
            box.box_size,
            job.output[0],
            threads=job.threads,
            simulation=job.wildcards.sim,
            redshift=job.params.box["redshift"],
        )


if "snakemake" in globals():
    run(snakemake)

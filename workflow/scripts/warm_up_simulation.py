"""Rule warm_up_simulation."""

from lagbias.base.jobs import reporting
from lagbias.simulations.mini.pysco import warm_up


def run(job):
    with reporting(job):
        warm_up(threads=job.threads)


if "snakemake" in globals():
    run(snakemake)

"""Rule warm_up_simulation."""

from lagbias.jobs import reporting
from lagbias.minisim import warm_up


def run(job):
    with reporting(job):
        warm_up(threads=job.threads)


if "snakemake" in globals():
    run(snakemake)

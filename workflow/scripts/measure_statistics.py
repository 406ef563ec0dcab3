"""Rule measure_statistics."""

from lagbias.base.jobs import reporting
from lagbias.evaluation.statistics import write_statistics


def run(job):
    with reporting(job):
        write_statistics(
            job.input.prediction,
            job.input.halos,
            job.params.k_max,
            job.output[0],
            threads=job.threads,
            model=job.wildcards.model,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule fit_linear_bias."""

from lagbias.jobs import reporting
from lagbias.yardsticks import fit_linear_bias


def run(job):
    with reporting(job):
        fit_linear_bias(job.input.particles, job.input.halos, job.output[0])


if "snakemake" in globals():
    run(snakemake)

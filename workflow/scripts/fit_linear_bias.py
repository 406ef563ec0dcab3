"""Rule fit_linear_bias."""

from lagbias.base.jobs import reporting
from lagbias.yardsticks.linear import fit_linear_bias


def run(job):
    with reporting(job):
        files, k_max = job.input, job.params.k_max
        fit_linear_bias(files.matter, files.halos, k_max, job.output[0], threads=job.threads)


if "snakemake" in globals():
    run(snakemake)

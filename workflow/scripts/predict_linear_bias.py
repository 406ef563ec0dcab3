"""Rule predict_linear_bias."""

from lagbias.base.jobs import reporting
from lagbias.yardsticks.linear import write_linear_prediction


def run(job):
    with reporting(job):
        write_linear_prediction(
            job.input.bias, job.input.matter, job.output[0], simulation=job.wildcards.sim
        )


if "snakemake" in globals():
    run(snakemake)

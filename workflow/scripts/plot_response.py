"""Rule plot_response."""

from lagbias.jobs import reporting
from lagbias.plots import plot_response


def run(job):
    with reporting(job):
        plot_response(job.input.response, job.output)


if "snakemake" in globals():
    run(snakemake)

"""Rule evaluate_models."""

from lagbias.base.jobs import reporting
from lagbias.tables.evaluation import write_evaluation


def run(job):
    with reporting(job):
        write_evaluation(job.input.spectra, job.output[0])


if "snakemake" in globals():
    run(snakemake)

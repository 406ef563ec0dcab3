"""Rule tabulate_headline."""

from lagbias.base.jobs import reporting
from lagbias.tables.headline import write_headline


def run(job):
    with reporting(job):
        write_headline(
            job.input.evaluation, job.params.showcase, job.output[0], job.params.trained_on
        )


if "snakemake" in globals():
    run(snakemake)

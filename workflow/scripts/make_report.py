"""Rule make_report."""

from lagbias.base.jobs import reporting
from lagbias.figures.report import make_report


def run(job):
    with reporting(job):
        make_report(
            job.params.snakefile,
            job.params.config,
            job.params.targets,
            job.input.template,
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

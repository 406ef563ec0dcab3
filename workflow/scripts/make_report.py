"""Rule make_report."""

from lagbias.base.jobs import reporting
from lagbias.config.yardsticks import add_own
from lagbias.figures.report import make_report


def run(job):
    with reporting(job):
        add_own(job.params.config["own_yardsticks"])
        make_report(
            job.params.snakefile,
            job.params.config,
            job.params.targets,
            job.input.template,
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

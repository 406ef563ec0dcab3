"""Rule compare_with_showcase."""

from lagbias.base.jobs import reporting
from lagbias.tables.comparison import write_differences


def run(job):
    with reporting(job):
        write_differences(
            job.input.evaluation,
            job.params.reference,
            job.output[0],
            training_set=job.wildcards.set,
            tracer=job.wildcards.tracer,
        )


if "snakemake" in globals():
    run(snakemake)

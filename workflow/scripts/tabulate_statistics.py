"""Rule tabulate_statistics."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import by_tracer_and_model
from lagbias.tables.statistics import write_statistics_table


def run(job):
    with reporting(job):
        write_statistics_table(
            by_tracer_and_model(job.input.statistics),
            by_tracer_and_model(job.input.redshift_space),
            job.output[0],
            training_set=job.wildcards.set,
        )


if "snakemake" in globals():
    run(snakemake)

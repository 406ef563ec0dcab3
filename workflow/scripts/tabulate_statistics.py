"""Rule tabulate_statistics."""

from lagbias.jobs import reporting
from lagbias.layout import by_tracer_and_model
from lagbias.statistics_table import write_statistics_table


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

"""Rules compare_models and compare_tracers."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import by_tracer_and_model
from lagbias.tables.comparison import write_comparison


def run(job):
    with reporting(job):
        write_comparison(
            job.input.evaluation,
            by_tracer_and_model(job.input.losses),
            job.output[0],
            training_set=job.wildcards.set,
        )


if "snakemake" in globals():
    run(snakemake)

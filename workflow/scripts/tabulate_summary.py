"""Rule tabulate_summary."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import by_model
from lagbias.tables.summary import write_summary


def run(job):
    with reporting(job):
        write_summary(
            job.input.evaluation,
            by_model(job.input.losses),
            job.output[0],
            box=job.wildcards.sim,
            training_set=job.wildcards.set,
            tracer=job.wildcards.tracer,
        )


if "snakemake" in globals():
    run(snakemake)

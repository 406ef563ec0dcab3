"""Rule tabulate_summary."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import by_model, of_models
from lagbias.tables.summary import write_summary


def run(job):
    with reporting(job):
        write_summary(
            of_models(job.input.spectra),
            by_model(job.input.losses),
            job.output[0],
            training_set=job.wildcards.set,
            tracer=job.wildcards.tracer,
            box=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

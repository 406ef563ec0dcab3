"""Rule tabulate_summary."""

from lagbias.jobs import reporting
from lagbias.layout import by_model
from lagbias.tables import write_summary


def run(job):
    with reporting(job):
        write_summary(
            dict(zip(job.params.models, job.input.spectra, strict=True)),
            by_model(job.params.networks, job.input.losses),
            job.output[0],
            training_set=job.wildcards.set,
            tracer=job.wildcards.tracer,
            box=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule compare_models."""

from lagbias.comparison import write_comparison
from lagbias.jobs import reporting
from lagbias.layout import by_model


def run(job):
    with reporting(job):
        write_comparison(
            by_model(job.params.models, job.input.spectra),
            by_model(job.params.networks, job.input.losses),
            job.output[0],
            training_set=job.wildcards.set,
            tracer=job.wildcards.tracer,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule compare_with_showcase."""

from lagbias.comparison import write_differences
from lagbias.jobs import reporting
from lagbias.layout import by_model


def run(job):
    with reporting(job):
        write_differences(
            by_model(job.params.models, job.input.spectra),
            job.params.reference,
            job.output[0],
            training_set=job.wildcards.set,
            tracer=job.wildcards.tracer,
        )


if "snakemake" in globals():
    run(snakemake)

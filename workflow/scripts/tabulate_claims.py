"""Rule tabulate_claims."""

from lagbias.claims import write_claims
from lagbias.jobs import reporting
from lagbias.layout import by_model


def run(job):
    with reporting(job):
        write_claims(
            by_model(job.params.models, job.input.spectra),
            dict(zip(job.params.scale_sets, job.input.pca, strict=True)),
            by_model(job.params.networks, job.input.losses),
            job.input.angles,
            job.input.filters,
            job.output.claims,
            job.output.verdicts,
            planted=next(iter(job.input.planted), None),
        )


if "snakemake" in globals():
    run(snakemake)

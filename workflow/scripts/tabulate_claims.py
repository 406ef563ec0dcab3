"""Rule tabulate_claims."""

from lagbias.claims import write_claims
from lagbias.jobs import reporting


def run(job):
    with reporting(job):
        write_claims(
            dict(zip(job.params.networks, job.input.spectra, strict=True)),
            dict(zip(job.params.scale_sets, job.input.pca, strict=True)),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

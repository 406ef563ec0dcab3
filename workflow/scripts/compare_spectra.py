"""Rule compare_spectra."""

from lagbias.base.jobs import reporting
from lagbias.evaluation.spectra import write_spectra


def run(job):
    with reporting(job):
        write_spectra(
            job.input.prediction,
            job.input.halos,
            job.input.matter,
            job.params.k_max,
            job.output[0],
            threads=job.threads,
            model=job.wildcards.model,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

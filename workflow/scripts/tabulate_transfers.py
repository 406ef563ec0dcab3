"""Rule tabulate_transfers."""

from lagbias.base.jobs import reporting
from lagbias.tables.transfers import write_transfers


def run(job):
    with reporting(job):
        files = job.input
        write_transfers(
            job.params.cases, files.spectra, files.halos, files.training_halos, job.output[0]
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule compute_features."""

from lagbias.abacus import read_linear_density
from lagbias.features import write_features
from lagbias.jobs import reporting


def run(job):
    with reporting(job):
        density, box_size = read_linear_density(job.input.density, job.params.redshift)
        write_features(
            density,
            box_size,
            stores={float(job.wildcards.R): job.output[0]},
            threads=job.threads,
            simulation=job.wildcards.sim,
            redshift=job.params.redshift,
        )


if "snakemake" in globals():
    run(snakemake)

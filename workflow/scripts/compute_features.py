"""Rule compute_features."""

from lagbias.base.jobs import reporting
from lagbias.features.smoothed import write_features
from lagbias.simulations.abacus.reader import read_header, read_linear_density


def run(job):
    with reporting(job):
        density = job.input.density
        write_features(
            # read where it is transformed, so that nothing here keeps hold of a grid
            lambda: read_linear_density(density, job.params.redshift)[0],
            float(read_header(density)["BoxSize"]),
            stores={float(job.wildcards.R): job.output[0]},
            threads=job.threads,
            simulation=job.wildcards.sim,
            redshift=job.params.redshift,
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule compute_features."""

from lagbias.base.jobs import reporting
from lagbias.features.smoothed import write_features
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        box = open_box(job.wildcards.sim, **job.params.box)
        write_features(
            # read where it is transformed, so that nothing here keeps hold of a grid
            box.linear_density,
            box.box_size,
            stores={float(job.wildcards.R): job.output[0]},
            threads=job.threads,
            simulation=job.wildcards.sim,
            redshift=job.params.box["redshift"],
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule tabulate_angles."""

from lagbias.base.jobs import reporting
from lagbias.interpretation.angles import Fit
from lagbias.tables.angles import write_angles


def run(job):
    with reporting(job):
        files = zip(job.input.pca, job.input.projections, strict=True)
        write_angles(
            {Fit.of(pca): (pca, projection) for pca, projection in files},
            job.input.covariance,
            job.wildcards.set,
            job.wildcards.tracer,
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

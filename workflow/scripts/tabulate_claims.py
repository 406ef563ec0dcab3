"""Rule tabulate_claims."""

from lagbias.base.jobs import reporting
from lagbias.plan.paths import by_model, of_models
from lagbias.tables.claims import write_claims


def run(job):
    with reporting(job):
        write_claims(
            job.input.evaluation,
            of_models(job.input.pca),
            by_model(job.input.losses),
            job.input.angles,
            job.input.filters,
            job.output.claims,
            job.output.verdicts,
            trained_on=job.params.trained_on,
            planted=next(iter(job.input.planted), None),
        )


if "snakemake" in globals():
    run(snakemake)

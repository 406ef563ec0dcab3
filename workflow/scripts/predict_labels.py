"""Rule predict_labels."""

from lagbias.jobs import reporting
from lagbias.labels import write_label_prediction
from lagbias.layout import BoxFiles


def run(job):
    with reporting(job):
        settings = job.params
        write_label_prediction(
            BoxFiles.under(
                settings.root, job.wildcards.sim, settings.redshift, settings.density_grid
            ),
            job.input.particles,
            job.input.halos,
            settings.cell_size,
            job.output[0],
            threads=job.threads,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

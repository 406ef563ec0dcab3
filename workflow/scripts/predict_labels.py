"""Rule predict_labels."""

from lagbias.jobs import reporting
from lagbias.labels import write_label_prediction
from lagbias.layout import BoxFiles, parse_tracer


def run(job):
    with reporting(job):
        settings = job.params
        write_label_prediction(
            BoxFiles.under(
                settings.root, job.wildcards.sim, settings.redshift, settings.density_grid
            ),
            job.input.particles,
            parse_tracer(job.wildcards.tracer).min_particles,
            settings.cell_size,
            job.output[0],
            threads=job.threads,
            simulation=job.wildcards.sim,
        )


if "snakemake" in globals():
    run(snakemake)

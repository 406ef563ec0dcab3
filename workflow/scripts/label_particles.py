"""Rule label_particles."""

from lagbias.jobs import reporting
from lagbias.labels import write_labels
from lagbias.layout import BoxFiles, parse_tracer


def run(job):
    with reporting(job):
        settings, box = job.params, job.wildcards.sim
        write_labels(
            BoxFiles.under(settings.root, box, settings.redshift, settings.density_grid),
            settings.redshift,
            job.input.particles,
            parse_tracer(job.wildcards.tracer),
            job.output[0],
        )


if "snakemake" in globals():
    run(snakemake)

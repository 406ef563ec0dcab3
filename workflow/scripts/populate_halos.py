"""Rule populate_halos."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.hod import hod_galaxies
from lagbias.halos.selection import write_points
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        tracer = parse_tracer(job.wildcards.tracer)
        box = open_box(job.wildcards.sim, **job.params.box)
        redshift_space = bool(job.wildcards.space)
        galaxies = hod_galaxies(
            box,
            tracer.weighting,
            job.params.occupation,
            tracer.min_particles,
            job.params.master_seed,
            redshift_space,
        )
        write_points(
            box,
            galaxies,
            tracer.min_particles,
            job.params.cell_size,
            job.output[0],
            tracer.weighting,
            redshift_space,
        )


if "snakemake" in globals():
    run(snakemake)

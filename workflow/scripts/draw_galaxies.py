"""Rule draw_galaxies."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.occupation import galaxies
from lagbias.halos.selection import write_halos
from lagbias.simulations.sources import open_box


def run(job):
    with reporting(job):
        write_halos(
            open_box(job.wildcards.sim, **job.params.box),
            parse_tracer(job.wildcards.tracer).min_particles,
            job.params.cell_size,
            job.output[0],
            galaxies(job.params.galaxies),
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

"""Rule draw_galaxies."""

from lagbias.base.jobs import reporting
from lagbias.config.tracers import parse_tracer
from lagbias.halos.occupation import galaxies
from lagbias.halos.selection import write_halos
from lagbias.simulations.abacus.tree import BoxFiles


def run(job):
    with reporting(job):
        write_halos(
            BoxFiles.under(name=job.wildcards.sim, **job.params.box),
            job.params.box["redshift"],
            parse_tracer(job.wildcards.tracer).min_particles,
            job.params.cell_size,
            job.output[0],
            galaxies(job.params.galaxies),
            redshift_space=bool(job.wildcards.space),
        )


if "snakemake" in globals():
    run(snakemake)

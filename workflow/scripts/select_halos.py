"""Rule select_halos."""

from lagbias.jobs import reporting
from lagbias.layout import BoxFiles
from lagbias.mesh import write_halos


def run(job):
    with reporting(job):
        redshift, nmin = job.params.redshift, int(job.wildcards.nmin)
        files = BoxFiles.under(
            job.params.root, job.wildcards.sim, redshift, job.params.density_grid
        )
        write_halos(files, redshift, nmin, job.params.cell_size, job.output[0])


if "snakemake" in globals():
    run(snakemake)

"""Rule simulate_mini."""

from lagbias.jobs import reporting
from lagbias.minisim import MiniSimulation, simulate


def run(job):
    with reporting(job):
        settings = MiniSimulation(
            name=job.wildcards.sim,
            phase=job.params.phase,
            master_seed=job.params.master_seed,
            redshift=job.params.redshift,
            **job.params.settings,
        )
        simulate(settings, root="resources", threads=job.threads)


if "snakemake" in globals():
    run(snakemake)

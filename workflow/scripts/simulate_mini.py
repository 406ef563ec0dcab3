"""Rule simulate_mini."""

from lagbias.jobs import reporting
from lagbias.minisim import MiniSimulation, simulate
from lagbias.simulation_record import record_simulated


def run(job):
    with reporting(job):
        settings = MiniSimulation(name=job.wildcards.sim, **job.params.settings)
        simulate(settings, root="resources", threads=job.threads)
        record_simulated(job.output.settings, job.params.settings)


if "snakemake" in globals():
    run(snakemake)

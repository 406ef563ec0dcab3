"""Rule simulate_mini."""

from pathlib import Path

from lagbias.base.jobs import reporting
from lagbias.simulations.mini.box import simulate
from lagbias.simulations.mini.record import record_simulated
from lagbias.simulations.mini.settings import MiniSimulation


def run(job):
    with reporting(job):
        settings = MiniSimulation(name=job.wildcards.sim, **job.params.settings)
        simulate(settings, root=Path("resources"), threads=job.threads)
        record_simulated(job.output.settings, job.params.settings)


if "snakemake" in globals():
    run(snakemake)

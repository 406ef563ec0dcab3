"""Rule plant_halos."""

import numpy as np
from lagbias.base.jobs import reporting
from lagbias.base.seeds import seed_of
from lagbias.halos.planted import write_planted_halos


def run(job):
    with reporting(job):
        purpose = f"planted halos {job.wildcards.sim} {job.wildcards.tracer}"
        write_planted_halos(
            job.input.features,
            job.input.particles,
            job.input.halos,
            job.output[0],
            np.random.default_rng(seed_of(job.params.master_seed, purpose)),
        )


if "snakemake" in globals():
    run(snakemake)

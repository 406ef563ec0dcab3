"""What a job asks of a cluster for, from the formula of the memory that it takes."""

import math

SNAKEMAKE_MB = 250  # of the Snakemake that runs beside a job on a cluster
HEADROOM = 1.15  # over the formula (docs/size.md): a job at its limit is killed


def asked_mb(formula: float, attempt: int = 1) -> int:
    """Memory to ask for [MB], given a formula's [MB]; a job killed for it asks for more."""
    return math.ceil(attempt * (SNAKEMAKE_MB + HEADROOM * formula))


def formula_mb(asked: float) -> float:
    """The formula's memory [MB], given what a job asked for at its first attempt [MB]."""
    return (asked - SNAKEMAKE_MB) / HEADROOM

"""Two ways of the same work, one run of each in turn: CPU seconds, ratios, the machine.

Runs in turn see the same neighbours on a shared machine, and CPU seconds leave out the time in
which others had the core. What is left of the noise is in the range of the ratios.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

COLUMNS = ("step", "size", "ours, CPU s", "plain way, CPU s", "plain / ours")


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of some work, of all threads of this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def median_and_range(values: list[float]) -> str:
    """As ``2.1 (1.9–2.4)``, three digits each."""
    digits = [f"{value:.3g}" for value in (statistics.median(values), min(values), max(values))]
    return f"{digits[0]} ({digits[1]}–{digits[2]})"


@dataclass(frozen=True)
class Pair:
    """CPU seconds of two ways, trial by trial."""

    step: str
    size: str
    ours: list[float]
    plain: list[float]

    def line(self) -> str:
        """A row of the table ``COLUMNS``."""
        ratios = [plain / ours for ours, plain in zip(self.ours, self.plain, strict=True)]
        cells = [median_and_range(values) for values in (self.ours, self.plain, ratios)]
        return f"| {self.step} | {self.size} | {' | '.join(cells)} |"


def head(columns: tuple[str, ...] = COLUMNS) -> str:
    """The first two lines of a Markdown table."""
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"


def in_turn(
    ours: Callable[[], float], plain: Callable[[], float], trials: int, warm_up: int = 1
) -> tuple[list[float], list[float]]:
    """Seconds that both ways give, one run of each in turn, after some that are not counted."""
    pairs = [(ours(), plain()) for _ in range(warm_up + trials)][warm_up:]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def machine(*packages: str) -> str:
    """The processor, its cores, and the versions of some packages, in one sentence."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else "a processor of unknown model"
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"Machine: {model}, {os.cpu_count()} cores, one thread. Versions: {versions}."

"""How far a run is and how long it will take, by what its jobs have taken so far."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Jobs of a run that wait, run and are done.

    Parameters
    ----------
    began : float
        Time of the first job [s].
    counts : Counter
        Jobs of each rule that the run has in all.
    """

    began: float
    counts: Counter[str]
    running: dict[int, tuple[str, float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return max(self.counts.total(), len(self.numbers))

    def start(self, job: int, rule: str, now: float) -> int:
        """Note that a job starts; its number, the same one if it is tried again."""
        self.running[job] = rule, now
        return self.numbers.setdefault(job, len(self.numbers) + 1)

    def finish(self, job: int, now: float) -> None:
        """Note that a job is done."""
        if job in self.running:
            rule, began = self.running.pop(job)
            self.seconds.setdefault(rule, []).append(now - began)

    def left(self, now: float) -> float | None:
        """Time that the run still takes [s]; None while too little is known.

        What is left of each rule takes as long as its jobs took on average. Rules of which no job
        is done are taken to be like the rest. As many jobs run at once as did so far.
        """
        done = [second for seconds in self.seconds.values() for second in seconds]
        spent = sum(done) + sum(now - began for _, began in self.running.values())
        if len(done) < 0.1 * self.total or now <= self.began or not spent:
            return None
        mean = sum(done) / len(done)
        means = {rule: sum(found) / len(found) for rule, found in self.seconds.items()}
        work = sum(
            means.get(rule, mean) * max(count - len(self.seconds.get(rule, [])), 0)
            for rule, count in self.counts.items()
        )
        work -= sum(
            min(now - began, means.get(rule, mean)) for rule, began in self.running.values()
        )
        return work * (now - self.began) / spent


def in_words(seconds: float | None) -> str:
    """A time for people; nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return "under a minute left"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"about {minutes} min left"
    return f"about {minutes / 60:.0f} h left"

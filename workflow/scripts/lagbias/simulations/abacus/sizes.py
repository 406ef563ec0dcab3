"""How large a box is: what the memory of jobs follows from, cheap to know as a run is planned."""

import re
from dataclasses import dataclass
from pathlib import Path

from lagbias.simulations.abacus.summit import KIND_IN_NAME, KINDS
from lagbias.simulations.abacus.tree import BoxFiles

SUBSAMPLE_A = 0.03  # share of AbacusSummit's particles that subsample A holds
HEADER_BYTES = 2**18  # of a file, looked at for its header: AbacusSummit's take some 14 kB
HEADER_NUMBER = re.compile(rb"\b(BoxSize|NP|ParticleSubsampleA): (\d+\.?\d*(?:e[-+]?\d+)?)")


@dataclass(frozen=True)
class BoxSizes:
    """How large a box is, known before any job has run.

    Parameters
    ----------
    box_size : float
        [Mpc/h]
    particles : int
        Of the subsample.
    files : int
        Files a product.
    density_bytes : int
        Held for each grid point while the linear density is read.
    """

    box_size: float
    particles: int
    files: int
    density_bytes: int = 4

    @classmethod
    def of_name(cls, name: str) -> "BoxSizes":
        """Sizes of a box by its name, as ``AbacusSummit_small_c000_ph3100``.

        ASSUME: a name that says no size is that of a small box.
        """
        match = KIND_IN_NAME.search(name)
        kind = KINDS[match[1] if match else "small"]
        particles = round(SUBSAMPLE_A * kind.particles_per_side**3)
        return cls(kind.box_size, particles, kind.files)

    @classmethod
    def of_files(cls, files: BoxFiles, name: str) -> "BoxSizes":
        """Sizes of a box by the header and the number of its halo files, or else by its name.

        ASSUME: a header that does not say how much of the particles subsample A holds is of a box
        that holds as much of them as AbacusSummit's, 3 %.
        """
        found = sorted((files.halos / "halo_info").glob("halo_info_*.asdf"))
        header = header_numbers(found[0]) if found else {}
        if not header.get("BoxSize") or not header.get("NP"):
            return cls.of_name(name)
        particles = header.get("ParticleSubsampleA", SUBSAMPLE_A) * header["NP"]
        return cls(header["BoxSize"], round(particles), len(found))


def header_numbers(path: str | Path) -> dict[str, float]:
    """Size, particles and share of subsample A in an Abacus file's header, where it has them.

    Read without asdf, which takes 0.4 s to import: each job plans anew in a process of its own. A
    file that is no ASDF file has none; the jobs that read it say what is wrong with it.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        ``BoxSize`` [Mpc/h], ``NP`` and ``ParticleSubsampleA``.
    """
    try:
        with open(path, "rb") as file:
            tree = file.read(HEADER_BYTES).partition(b"\n...\n")[0]
    except OSError:
        return {}
    header = tree.partition(b"\nheader:")[2]
    return {key.decode(): float(number) for key, number in HEADER_NUMBER.findall(header)}

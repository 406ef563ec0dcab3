"""What is in a file of a simulation, in which units, what is missing, and what to write of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lagbias.base.errors import InputError
from lagbias.simulations.agreement import long_modes
from lagbias.simulations.arrays.box import ArraysBox
from lagbias.simulations.arrays.file import ARRAYS, ATTRIBUTES, NEEDED, ArrayFile
from lagbias.simulations.displacements import Sample, check_displacements, waves_along
from lagbias.simulations.gadget.snapshot import CM_PER_MPC, PARTICLES, opened

SHOWN = 100_000  # values of an array whose range is told
OPTIONAL = {
    "velocities": ("velocity", "halo_velocity"),
    "members": ("halo_of_particle",),
}
WITHOUT = {
    "velocities": "nothing can be made in redshift space",
    "members": "no labels can be made",
}


@dataclass
class Checked:
    """What a check found.

    Attributes
    ----------
    lines : list of str
        What is there.
    faults : list of str
        What keeps the file from being used.
    config : str
        The section of a config that names this box; empty if it cannot be used.
    """

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    config: str = ""


def check_box(path: str) -> Checked:
    """Look at a file of a simulation.

    Parameters
    ----------
    path : str
        A file of arrays (HDF5 or zarr), or a snapshot of Gadget or AREPO.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if not Path(path).exists():
        raise InputError(f"{path} is not there; expected a file of a simulation: fix the path")
    if not Path(path).is_dir():
        with opened(path) as file:
            if "Header" in file:
                return _check_gadget(path, file)
    return _check_arrays(path)


def _check_arrays(path: str) -> Checked:
    file, found = ArrayFile(path), Checked()
    for name, meaning in ATTRIBUTES.items():
        if name in file.attributes:
            found.lines.append(f"{name} = {file.attribute(name):g}: {meaning}")
        elif name != "omega_m":
            found.faults.append(f"no attribute {name}: {meaning}")
    found.lines += [_line(file, name) for name in ARRAYS if name in file]
    found.faults += [
        f"no {' or '.join(names)} [{ARRAYS[names[0]].unit}]: {ARRAYS[names[0]].meaning}"
        for names in NEEDED
        if not any(name in file for name in names)
    ]
    lacks = [what for what, names in OPTIONAL.items() if not all(name in file for name in names)]
    for what in lacks:
        missing = " and ".join(name for name in OPTIONAL[what] if name not in file)
        found.lines.append(f"no {missing}: {WITHOUT[what]}")
    if found.faults:
        return found
    try:
        found.lines += _proof(file)
    except InputError as error:
        found.faults.append(str(error))
        return found
    found.config = _section(
        path, "arrays", f"box: {Path(path).name}", file.attribute("box_size"),
        round(file.attribute("particles_per_side")), lacks,
    )  # fmt: skip
    return found


def _line(file: ArrayFile, name: str) -> str:
    """Name, shape, unit and range of an array; of a large one, of its first values."""
    array: Any = file[name]
    part = np.asarray(array[: max(1, SHOWN // max(1, int(np.prod(array.shape[1:]))))])
    about = "about " if len(part) < array.shape[0] else ""
    ends = f"{about}{part.min():.4g} to {part.max():.4g}" if part.size else "empty"
    shape = " x ".join(map(str, array.shape))
    return f"{name}: {shape}, {array.dtype}, [{ARRAYS[name].unit}], {ends}"


def _proof(file: ArrayFile) -> Iterator[str]:
    """Reads it as a run would: density, particles, halos; and compares displacements."""
    name = file.first_of("linear_density", "initial_displacement")
    box = ArraysBox(
        Path(file.path).name, file.attribute("redshift"), file.attribute("box_size"),
        round(file.attribute("particles_per_side")), file[name].shape[0],
        {"box": [file.path]}, {},
    )  # fmt: skip
    waves = long_modes(box.linear_density(), waves_along(box.box_size, box.density_points))
    sample = Sample()
    for position, lattice_index in box.particle_chunks():
        sample.add(position, lattice_index)
    moved = check_displacements(sample, waves, box)
    correlation, slope = (
        ", ".join(f"{number:.3f}" for number in numbers)
        for numbers in (moved.correlation, moved.slope)
    )
    yield (
        "final displacements against Zel'dovich's of the density, along x, y, z: correlation "
        f"{correlation}, slope {slope}: they fit"
    )
    yield f"particle mass: {box.particle_mass:.4g} Msun/h"
    _, count = box.halos()
    yield f"halos: {len(count)}, of {count.min()} to {count.max()} particles"


def _check_gadget(path: str, file: Any) -> Checked:
    """A snapshot or a group catalogue of Gadget or AREPO, by its header."""
    found = Checked()
    header: dict[str, Any] = {
        **(dict(file["Parameters"].attrs) if "Parameters" in file else {}),
        **dict(file["Header"].attrs),
    }
    kind = "a snapshot" if PARTICLES in file else "a group catalogue" if "Group" in file else ""
    if not kind:
        found.faults.append(f"found neither {PARTICLES} nor Group; expected one of the two")
    found.lines.append(f"{kind or 'an HDF5 file'} of Gadget or AREPO")
    unit = float(header["UnitLength_in_cm"]) / CM_PER_MPC if "UnitLength_in_cm" in header else 1.0
    said = "by UnitLength_in_cm" if "UnitLength_in_cm" in header else "no unit is given: if Mpc/h"
    side = float(header.get("BoxSize", np.nan)) * unit
    found.lines.append(f"BoxSize = {side:.6g} Mpc/h ({said})")
    for name in ("Redshift", "Omega0", "OmegaLambda", "NumFilesPerSnapshot", "NumFiles"):
        if name in header:
            found.lines.append(f"{name} = {float(header[name]):g}")
    if PARTICLES in file:
        total = header.get("NumPart_Total", header.get("NumPart_ThisFile"))
        counts = np.asarray(total, dtype=np.int64)
        found.lines.append(f"particles by type: {' '.join(map(str, counts))}")
        found.lines.append(f"{PARTICLES}: {', '.join(file[PARTICLES])}")
        per_side = round(int(counts[1]) ** (1 / 3))
        if per_side**3 != counts[1]:
            found.faults.append(f"{counts[1]} particles of type 1 are no cube of a number")
        files = "initial: …, snapshot: …, groups: …"
        if not found.faults:
            found.config = _section(path, "gadget", files, side, per_side, [])
    return found


def _section(
    path: str, source: str, files: str, box_size: float, per_side: int, lacks: list[str]
) -> str:
    """A box as a config names it."""
    last = f", lacks: [{', '.join(lacks)}]" if lacks else ""
    return (
        f"simulations:\n  mybox: {{source: {source}, root: {Path(path).absolute().parent}, "
        f"files: {{{files}}},\n    box_size: {box_size:g}, particles_per_side: {per_side}{last}}}"
    )

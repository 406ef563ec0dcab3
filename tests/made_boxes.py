"""A small made-up box whose particles, halos and waves are known, as files of two formats."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import zarr
from conftest import REDSHIFT, gaussian_field, zeldovich
from lagbias.simulations.background import Background

SIDE, BOX_SIZE, SPACING = 16, 24.0, 1.5
INITIAL_REDSHIFT = 63.0
OMEGA_M = 0.3
PARTICLE_MASS = 2.5e11
GROWTH = Background(OMEGA_M).growth_factor(REDSHIFT, INITIAL_REDSHIFT)
GROUP_SIZES = (60, 40, 30, 21)


@dataclass
class MadeBox:
    """All arrays in the order of groups, positions from the box's corner."""

    density: np.ndarray  # at REDSHIFT
    lattice_index: np.ndarray
    initial: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    halo_position: np.ndarray
    halo_velocity: np.ndarray

    @property
    def identifier(self) -> np.ndarray:
        """From 0, z fastest."""
        return np.ravel_multi_index(self.lattice_index.T, (SIDE,) * 3)


def make_box(seed: int = 5) -> MadeBox:
    """Particles displaced by Zel'dovich, the nearest ones of a few points as its groups."""
    random = np.random.default_rng(seed)
    displacement = zeldovich(1.2 * gaussian_field(SIDE, random), BOX_SIZE)
    # What displacements can tell of a density: nothing at the Nyquist wavenumbers.
    k = 2j * np.pi / BOX_SIZE * np.fft.fftfreq(SIDE, 1 / SIDE)
    k[SIDE // 2] = 0
    modes = np.fft.fftn(displacement, axes=(0, 1, 2))
    along = (k[:, None, None], k[:, None], k)
    density = -np.fft.ifftn(sum(k * modes[..., axis] for axis, k in enumerate(along))).real
    index = np.stack(np.unravel_index(np.arange(SIDE**3), (SIDE,) * 3), axis=1)
    moved = displacement.reshape(-1, 3)
    position = (index * SPACING + moved) % BOX_SIZE
    left = np.arange(SIDE**3)
    order = []
    for size in GROUP_SIZES:
        apart = position[left] - position[random.choice(left)]
        apart -= BOX_SIZE * np.rint(apart / BOX_SIZE)
        near = np.argsort((apart**2).sum(axis=1))[:size]
        order.append(left[near])
        left = np.delete(left, near)
    centre = np.array([position[group[0]] for group in order])
    every = np.concatenate([*order, random.permutation(left)])
    velocity = random.normal(0, 300, (SIDE**3, 3))
    halo_velocity = random.normal(0, 300, (len(order), 3))
    start = (index * SPACING + moved / GROWTH) % BOX_SIZE
    return MadeBox(
        density, index[every], start[every], position[every], velocity, centre, halo_velocity
    )


def write_snapshot(
    folder: Path,
    name: str,
    position: np.ndarray,
    identifier: np.ndarray,
    redshift: float,
    velocity: np.ndarray | None = None,
    files: int = 1,
    unit: float = 1.0,
    parameters: bool = True,
    units: bool = True,
    masses: bool = False,
    **header,
) -> None:
    """A snapshot as Gadget-4 (``parameters``) or Gadget-3 writes it; ``unit`` is in Mpc/h."""
    cosmology = {"Omega0": OMEGA_M, "OmegaLambda": 1 - OMEGA_M, "HubbleParam": 0.7}
    if units:
        cosmology["UnitLength_in_cm"] = 3.085678e24 * unit
    parts = np.array_split(np.arange(len(position)), files)
    for number, part in enumerate(parts):
        file_name = f"{name}.{number}.hdf5" if files > 1 else f"{name}.hdf5"
        with h5py.File(folder / file_name, "w") as file:
            counts = [0, len(part), 0, 0, 0, 0]
            file.create_group("Header").attrs.update({
                "BoxSize": BOX_SIZE / unit, "Redshift": redshift, "Time": 1 / (1 + redshift),
                "NumFilesPerSnapshot": files, "NumPart_ThisFile": counts,
                "MassTable": [0.0, 0.0 if masses else PARTICLE_MASS / 1e10] + [0.0] * 4,
                **({} if parameters else cosmology), **header,
            })  # fmt: skip
            if parameters:
                file.create_group("Parameters").attrs.update(cosmology)
            group = file.create_group("PartType1")
            group["Coordinates"] = (
                position[part] if position.dtype.kind == "u" else position[part] / unit
            )
            group["ParticleIDs"] = identifier[part]
            if velocity is not None:  # Gadget's are v / sqrt(a)
                group["Velocities"] = velocity[part] * np.sqrt(1 + redshift)
            if masses:
                group["Masses"] = np.full(len(part), PARTICLE_MASS / 1e10)


def write_groups(
    folder: Path, box: MadeBox, name: str = "groups", offsets: bool = True, **header
) -> None:
    """Its groups as Gadget-4 writes them, in one file."""
    length = np.zeros((len(GROUP_SIZES), 6), dtype=np.int32)
    length[:, 1] = GROUP_SIZES
    with h5py.File(folder / f"{name}.hdf5", "w") as file:
        file.create_group("Header").attrs.update({
            "BoxSize": BOX_SIZE, "Redshift": REDSHIFT, "NumFiles": 1, **header
        })  # fmt: skip
        file.create_group("Parameters").attrs["UnitLength_in_cm"] = 3.085678e24
        group = file.create_group("Group")
        group["GroupPos"] = box.halo_position
        group["GroupVel"] = box.halo_velocity / (1 + REDSHIFT)
        group["GroupLen"] = length[:, 1]
        group["GroupLenType"] = length
        if offsets:
            group["GroupOffsetType"] = np.cumsum(length, axis=0) - length


def write_gadget(folder: Path, box: MadeBox, first: int = 1, kind: type = np.uint32, **options):
    """Initial conditions, snapshot and groups."""
    identifier = (box.identifier + first).astype(kind)
    shuffled = np.random.default_rng(2).permutation(SIDE**3)
    write_snapshot(
        folder, "initial", box.initial[shuffled], identifier[shuffled], INITIAL_REDSHIFT, **options
    )
    write_snapshot(
        folder, "snapshot", box.position, identifier, REDSHIFT, velocity=box.velocity, **options
    )
    write_groups(folder, box)


def arrays_of(box: MadeBox) -> dict[str, np.ndarray]:
    """Its arrays by the names of ``source: arrays``."""
    halo = np.repeat(np.arange(len(GROUP_SIZES)), GROUP_SIZES)
    return {
        "linear_density": box.density.astype(np.float32), "position": box.position,
        "velocity": box.velocity, "lattice_index": box.lattice_index,
        "halo_position": box.halo_position, "halo_velocity": box.halo_velocity,
        "halo_particle_count": np.array(GROUP_SIZES),
        "halo_of_particle": np.concatenate([halo, np.full(SIDE**3 - len(halo), -1)]),
    }  # fmt: skip


def write_arrays(
    path: Path, arrays: dict[str, np.ndarray], redshifts: dict[str, float] | None = None, **given
) -> None:
    """A file of arrays, HDF5 or zarr by its ending, with its attributes."""
    attributes = {
        "box_size": BOX_SIZE, "redshift": REDSHIFT, "particles_per_side": SIDE, "omega_m": OMEGA_M,
        "particle_mass": PARTICLE_MASS,
    } | given  # fmt: skip
    attributes = {name: value for name, value in attributes.items() if value is not None}
    group = zarr.open_group(path, mode="w") if path.suffix == ".zarr" else h5py.File(path, "w")
    group.attrs.update(attributes)
    for name, values in arrays.items():
        group.create_array(name, data=values) if path.suffix == ".zarr" else group.create_dataset(
            name, data=values
        )
    for name, redshift in (redshifts or {}).items():
        group[name].attrs["redshift"] = redshift
    if path.suffix != ".zarr":
        group.close()

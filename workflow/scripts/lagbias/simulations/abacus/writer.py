"""Write simulations in AbacusSummit's file formats.

The layout, the units and the bit packing are those of the AbacusSummit data release
(https://abacussummit.readthedocs.io/en/latest/data-products.html), so that abacusutils reads
what is written here as it reads the published files:

``halo_info``
    halos; positions in units of the box, in [-1/2, 1/2], velocities in units of
    ``VelZSpace_to_kms``
``halo_rv_A``, ``field_rv_A``
    packed positions and velocities ("rvint") of the particles of subsample A
``halo_pid_A``, ``field_pid_A``
    their packed particle identifiers, row by row, which carry the Lagrangian index
``ic_dens_N{n}``
    initial linear overdensity, [0, 0, 0] at (-L/2, -L/2, -L/2)
``checksums.crc32``
    what GNU ``cksum *.asdf`` prints

Every file is written beside its place and moved there when it is whole.
"""

import io
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import asdf
import numpy as np
from abacusnbody.data.bitpacked import AUXTAGGED, ZERODEN
from astropy.table import Table
from numpy.typing import ArrayLike, NDArray

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.simulations.abacus.checksums import CHECKSUM_LIST, cksum

# Constants of the rvint format, the inverse of abacusnbody.data.bitpacked.unpack_rvint.
RVINT_POSITION_STEPS = 1_000_000
RVINT_VELOCITY_STEP = 6000.0 / 2048
RVINT_VELOCITY_BITS = 12
MAX_LAGRANGIAN_INDEX = 0x7FFF
MAX_SQRT_DENSITY = 0x3FF


def pack_rvint(
    position: NDArray[np.floating], velocity: NDArray[np.floating], box_size: float
) -> NDArray[np.int32]:
    """Pack positions and velocities into Abacus's 32-bit "rvint" words.

    The upper 20 bits hold the position in units of 1e-6 of the box, the lower 12 the velocity
    in units of 6000/2048 km/s. abacusutils has the unpacker only.

    Parameters
    ----------
    position : float, (n, 3)
        Comoving positions [Mpc/h], zero-centred, in [-L/2, +L/2], both ends included.
    velocity : float, (n, 3)
        Proper peculiar velocities [km/s]; beyond +-6000 km/s they are clipped, as in Abacus.
    box_size : float
        Side L of the box [Mpc/h].

    Returns
    -------
    int32, (n, 3)

    Raises
    ------
    InputError
        If a position is outside the box or not finite, or the shapes do not agree.
    """
    if position.shape != velocity.shape or position.ndim != 2 or position.shape[1] != 3:
        raise InputError(
            f"position has shape {position.shape} and velocity {velocity.shape}; "
            "give both as (n, 3)"
        )
    steps = np.rint(position * (RVINT_POSITION_STEPS / box_size))
    if steps.size and not np.abs(steps).max() <= RVINT_POSITION_STEPS // 2:
        raise InputError(
            f"position spans [{position.min()}, {position.max()}] Mpc/h, expected "
            f"[{-box_size / 2}, {box_size / 2}]; centre on zero and wrap before writing"
        )
    if not np.isfinite(velocity).all():
        raise InputError("velocity has values that are not finite; give km/s")
    half = 1 << (RVINT_VELOCITY_BITS - 1)
    speed = np.clip(np.rint(velocity / RVINT_VELOCITY_STEP) + half, 0, 2 * half - 1)
    return (steps.astype(np.int32) << RVINT_VELOCITY_BITS) | speed.astype(np.int32)


def pack_pids(
    lagrangian_index: NDArray[np.integer],
    tagged: ArrayLike = False,
    density: ArrayLike = 0.0,
) -> NDArray[np.uint64]:
    """Pack Lagrangian indices and flags into Abacus's 64-bit particle identifiers.

    Bits 0-14, 16-30 and 32-46 hold the three indices, bit 48 the tag and bits 49-58 the square
    root of the density. abacusutils has the unpacker only.

    Parameters
    ----------
    lagrangian_index : int, (n, 3)
        Index of the particle in the initial lattice, each in [0, 32767].
    tagged : bool or (n,), optional
        Whether the particle belongs to a halo core.
    density : float or (n,), optional
        Local density in units of the mean.

    Returns
    -------
    uint64, (n,)

    Raises
    ------
    InputError
        If an index does not fit into its 15 bits, or the shape is not (n, 3).
    """
    index = np.asarray(lagrangian_index)
    if index.ndim != 2 or index.shape[1] != 3:
        raise InputError(f"lagrangian_index has shape {index.shape}; give (n, 3)")
    if index.size and (index.min() < 0 or index.max() > MAX_LAGRANGIAN_INDEX):
        raise InputError(
            f"lagrangian_index spans [{index.min()}, {index.max()}], expected "
            f"[0, {MAX_LAGRANGIAN_INDEX}]; the format has 15 bits for each axis"
        )
    sqrt_density = np.minimum(np.rint(np.sqrt(density)), MAX_SQRT_DENSITY).astype(np.uint64)
    packed = np.zeros(len(index), dtype=np.uint64)
    for axis in range(3):
        packed |= index[:, axis].astype(np.uint64) << np.uint64(16 * axis)
    packed |= np.asarray(tagged).astype(np.uint64) << AUXTAGGED
    packed |= sqrt_density << ZERODEN
    return packed


def write_asdf(path: Path, tree: Mapping[str, Any]) -> Path:
    """Write one compressed asdf file, whole or not at all.

    Parameters
    ----------
    path : Path
        Where the file shall lie; missing folders are made.
    tree : mapping
        The tree: ``header`` and ``data``, whose arrays are compressed as "blsc".

    Returns
    -------
    Path
        The path written.
    """
    contents = asdf.AsdfFile({**tree, "history": {"extensions": _extensions_used(tree)}})
    for array in tree["data"].values():
        # asdf hands the compressor bytes; it can shuffle them only if told the item size.
        contents.set_array_compression(array, "blsc", typesize=array.dtype.itemsize)
    with written_whole(path) as partial:
        contents.write_to(partial)
    return path


def _extensions_used(tree: Mapping[str, Any]) -> list[dict]:
    """What asdf notes in a file of the extensions that wrote it, in a fixed order.

    asdf notes them in the order of a set of objects, another one in each process, but keeps the
    order of those that are noted already. So a file of one row is written first, in memory, and
    its notes are sorted: the same tree gives the same bytes.
    """
    probe = {**tree, "data": {name: array[:1] for name, array in tree["data"].items()}}
    buffer = io.BytesIO()
    asdf.AsdfFile(probe).write_to(buffer, all_array_compression="blsc")
    buffer.seek(0)
    with asdf.open(buffer) as file:
        return sorted(file["history"]["extensions"], key=itemgetter("extension_uri"))


def write_product(
    folder: Path, header: Mapping[str, Any], files: Sequence[Mapping[str, NDArray]]
) -> list[Path]:
    """Write one product of a simulation, such as ``halo_info``, as numbered files.

    Files that an earlier run left in the folder are removed, since readers take all they find.

    Parameters
    ----------
    folder : Path
        Folder of the product; its name is the name of the product.
    header : mapping
        Header written into every file; its keys are strings.
    files : sequence of mappings
        For each file, its columns by name: arrays of equal length.

    Returns
    -------
    list of Path
        The asdf files and ``checksums.crc32``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CHECKSUM_LIST).unlink(missing_ok=True)
    for stale in folder.glob(f"{folder.name}_*.asdf"):
        stale.unlink()
    written = [
        write_asdf(
            folder / f"{folder.name}_{number:03d}.asdf",
            {"data": dict(columns), "header": dict(header)},
        )
        for number, columns in enumerate(files)
    ]
    return [*written, write_checksums(folder)]


def write_particles(
    redshift_folder: Path,
    kind: str,
    header: Mapping[str, Any],
    position: NDArray[np.floating],
    velocity: NDArray[np.floating],
    packed_pid: NDArray[np.uint64],
    file_starts: Sequence[int] | NDArray,
) -> list[Path]:
    """Write the twin products ``{kind}_rv_A`` and ``{kind}_pid_A``.

    Parameters
    ----------
    redshift_folder : Path
        Folder of the snapshot, ``.../halos/z0.500``.
    kind : {"halo", "field"}
        Whether the particles are in halos.
    header : mapping
        Header written into every file; ``BoxSize`` [Mpc/h] scales the positions.
    position, velocity : float, (n, 3)
        Zero-centred comoving positions [Mpc/h] and proper peculiar velocities [km/s].
    packed_pid : uint64, (n,)
        From `pack_pids`.
    file_starts : sequence of int
        First particle of each file; the last file runs to the end.

    Returns
    -------
    list of Path
    """
    rvint = pack_rvint(position, velocity, header["BoxSize"])
    cuts = list(file_starts)[1:]
    paths = write_product(
        redshift_folder / f"{kind}_rv_A",
        header,
        [{"rvint": part} for part in np.split(rvint, cuts)],
    )
    return paths + write_product(
        redshift_folder / f"{kind}_pid_A",
        header,
        [{"packedpid": part} for part in np.split(packed_pid, cuts)],
    )


def write_halos(
    redshift_folder: Path,
    header: Mapping[str, Any],
    columns: Mapping[str, NDArray],
    file_starts: Sequence[int] | NDArray,
) -> list[Path]:
    """Write the halo catalogue ``halo_info``.

    Parameters
    ----------
    redshift_folder : Path
        Folder of the snapshot, ``.../halos/z0.500``.
    header : mapping
        Header written into every file: ``BoxSize`` [Mpc/h], ``VelZSpace_to_kms`` [km/s].
    columns : mapping of arrays, each (n,) or (n, 3)
        ``id``, ``N``, ``x_com`` [Mpc/h, zero-centred], ``v_com`` [km/s], and where the halo's
        particles lie in the halo files of the same number, ``npstartA`` and ``npoutA``.
    file_starts : sequence of int
        First halo of each file; the last file runs to the end.

    Returns
    -------
    list of Path
    """
    raw = {
        "N": np.asarray(columns["N"], dtype=np.uint32),
        "id": np.asarray(columns["id"], dtype=np.uint64),
        "npoutA": np.asarray(columns["npoutA"], dtype=np.uint32),
        "npstartA": np.asarray(columns["npstartA"], dtype=np.uint64),
        "v_com": np.asarray(columns["v_com"] / header["VelZSpace_to_kms"], dtype=np.float32),
        "x_com": np.asarray(columns["x_com"] / header["BoxSize"], dtype=np.float32),
    }
    cuts = list(file_starts)[1:]
    split = {name: np.split(column, cuts) for name, column in raw.items()}
    files = [{name: split[name][i] for name in raw} for i in range(len(file_starts))]
    return write_product(redshift_folder / "halo_info", header, files)


def write_initial_density(
    folder: Path,
    header: Mapping[str, Any],
    overdensity: NDArray[np.floating],
    growth_table: Mapping[float, float],
    power_spectrum: Table | None = None,
) -> list[Path]:
    """Write the initial linear overdensity ``ic_dens_N{n}.asdf`` and its checksum.

    Parameters
    ----------
    folder : Path
        Folder of the simulation's initial fields, ``.../ic/{simulation}``.
    header : mapping
        Header; ``InitialRedshift`` is the redshift of the field.
    overdensity : float, (n, n, n)
        Linear overdensity at the initial redshift; [0, 0, 0] is at (-L/2, -L/2, -L/2).
    growth_table : mapping
        Linear growth factor by redshift, normalised to 1 at the initial redshift. Its keys are
        written as strings: asdf 6 reads the float keys of the published files, but refuses to
        write them.
    power_spectrum : astropy Table, optional
        Linear power spectrum that was realised, written as ``CLASS_power_spectrum``.

    Returns
    -------
    list of Path
    """
    table = {str(float(redshift)): float(growth) for redshift, growth in growth_table.items()}
    tree = {
        "data": {"density": np.ascontiguousarray(overdensity, dtype=np.float32)},
        "header": {**header, "GrowthTable": table},
    }
    if power_spectrum is not None:
        tree["CLASS_power_spectrum"] = power_spectrum
    path = write_asdf(folder / f"ic_dens_N{len(overdensity)}.asdf", tree)
    return [path, write_checksums(folder)]


def write_checksums(folder: Path) -> Path:
    """Write ``checksums.crc32`` of the asdf files of a folder, as ``cksum *.asdf`` would.

    Parameters
    ----------
    folder : Path
        Folder of asdf files.

    Returns
    -------
    Path
        The list written: one line ``CRC bytes name`` a file, by name.
    """
    lines = []
    for path in sorted(folder.glob("*.asdf")):
        crc, size = cksum(path)
        lines.append(f"{crc} {size} {path.name}\n")
    target = folder / CHECKSUM_LIST
    with written_whole(target) as partial:
        partial.write_text("".join(lines), encoding="utf-8")
    return target

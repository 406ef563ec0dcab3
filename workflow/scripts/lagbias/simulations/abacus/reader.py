"""Reading AbacusSummit: linear density, halos, and every subsample particle exactly once.

The traps that this module knows are listed in docs/explanation/traps.md.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asdf
import numpy as np
from abacusnbody.data.bitpacked import unpack_pids, unpack_rvint
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog

from lagbias.base.errors import InputError
from lagbias.base.limits import MOST_PARTICLES, check_side
from lagbias.simulations.abacus.checks import check_finite, check_same_name
from lagbias.simulations.abacus.checksums import cksum, listed_cksum
from lagbias.simulations.abacus.tree import BoxFiles

log = logging.getLogger(__name__)

PARTICLE_PRODUCTS = ("field_rv_A", "halo_rv_A")
BOX_FIELDS = ("SimName", "BoxSize")
SNAPSHOT_FIELDS = (*BOX_FIELDS, "Redshift", "NP", "ppd", "ParticleMassHMsun")
CHUNK_PARTICLES = 4_000_000  # unpacked at a time: bounds memory


def growth_factor(growth_table: dict, redshift: float) -> float:
    """D(z) from an Abacus growth table, whose keys may be floats or strings.

    Parameters
    ----------
    growth_table : dict
        Redshift to D(z), normalised anyhow.
    redshift : float

    Raises
    ------
    InputError
        If the redshift is not in the table.
    """
    table = {float(z): float(growth) for z, growth in growth_table.items()}
    for z, growth in table.items():
        if abs(z - redshift) < 1e-6:
            return growth
    raise InputError(
        f"redshift {redshift:g} is not in the growth table of the ic_dens file, which has "
        f"{', '.join(f'{z:g}' for z in sorted(table))}; use one of these"
    )


def read_header(path: str | Path, fields: Sequence[str] = BOX_FIELDS) -> dict:
    """The header of one Abacus file.

    Parameters
    ----------
    path : path
    fields : names that the header must have

    Raises
    ------
    InputError
        If the file is absent or is not a whole ASDF file with a header, or a field is missing.
    """
    with _reading(path), asdf.open(path) as file:
        header = dict(file["header"])
    lacking = [field for field in fields if field not in header]
    if lacking:
        raise InputError(
            f"{path}: the header lacks {', '.join(lacking)}; expected the fields of an "
            "AbacusSummit header: fetch the file again"
        )
    return header


class _reading:
    """Turn what readers raise on a damaged file into one clear error."""

    def __init__(self, path: str | Path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None or issubclass(kind, InputError | KeyboardInterrupt | MemoryError):
            return False
        if issubclass(kind, Exception):
            raise InputError(
                f"{self.path} cannot be read: {kind.__name__}: {error}; expected an AbacusSummit "
                "ASDF file; compare it with checksums.crc32 of its folder and fetch it again"
            ) from error
        return False


def verify(path: Path) -> None:
    """Refuse a file that is not what its maker wrote.

    Held against the checksum list of its folder, which covers every byte; without a list or an
    entry, its blocks are compared with the MD5 sums that ASDF keeps beside them. Decompressing a
    damaged block may crash or, worse, not.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    with _reading(path):
        expected = listed_cksum(path)
        if expected is None:
            with asdf.open(path, lazy_load=False, validate_checksums=True):
                return
        found = cksum(path)
    if found != expected:
        raise InputError(
            f"{path} cannot be read: found CRC {found[0]} of {found[1]} bytes, expected "
            f"{expected[0]} of {expected[1]} by checksums.crc32 of its folder; the file is damaged "
            "(or the list is of another one): delete it and fetch or make it again"
        )


def read_initial_density(
    path: str | Path, fields: Sequence[str] = BOX_FIELDS
) -> tuple[np.ndarray, dict]:
    """Overdensity of an ``ic_dens`` file as it is stored, and its header.

    Parameters
    ----------
    path : the ``ic_dens`` file
    fields : names that the header must have

    Returns
    -------
    overdensity : float32, (n, n, n)
        At the initial redshift. Point [0,0,0] lies at Lagrangian (-L/2, -L/2, -L/2), with no
        half-cell shift.
    header : dict
    """
    verify(Path(path))
    header = read_header(path, fields)
    with _reading(path), asdf.open(path, lazy_load=True, memmap=False) as file:
        # A compressed block is decompressed into an array of its own: no copy is needed.
        overdensity = np.asarray(file["data"]["density"], dtype=np.float32)
    check_finite(overdensity, path)
    return overdensity, header


def read_linear_density(path: str | Path, redshift: float) -> tuple[np.ndarray, float]:
    """Linear overdensity at a redshift, delta_1(q) = delta_IC(q) D(z) / D(z_init).

    Parameters
    ----------
    path : the ``ic_dens`` file
    redshift : float

    Returns
    -------
    overdensity : float32, (n, n, n)
        On the grid of ``read_initial_density``.
    box_size : float
        [Mpc/h]
    """
    overdensity, header = read_initial_density(
        path, (*BOX_FIELDS, "InitialRedshift", "GrowthTable")
    )
    table = header["GrowthTable"]
    growth = growth_factor(table, redshift) / growth_factor(table, header["InitialRedshift"])
    overdensity *= np.float32(growth)
    log.info("%s: %d^3, growth x %.5f", path, len(overdensity), growth)
    return overdensity, float(header["BoxSize"])


def in_redshift_space(
    position: np.ndarray, velocity: np.ndarray, header: Mapping[str, Any], path: str | Path
) -> np.ndarray:
    """Positions as an observer far along z sees them, x + z^ v_z / (a H) (Kaiser 1987).

    Parameters
    ----------
    position : float32, (n, 3)
        Comoving [Mpc/h], in [-L/2, L/2].
    velocity : float32, (n, 3)
        Proper peculiar velocity [km/s].
    header : mapping
        ``VelZSpace_to_kms`` is a H L, the velocity [km/s] that displaces by the box's side L.
    path : path, named in the error

    Returns
    -------
    float32, (n, 3), wrapped into [-L/2, L/2)

    Raises
    ------
    InputError
        If the header does not say what a velocity displaces by.
    """
    if "VelZSpace_to_kms" not in header:
        raise InputError(
            f"{path}: the header lacks VelZSpace_to_kms; expected it beside BoxSize, since "
            "redshift space needs it: fetch or make the file again"
        )
    side = float(header["BoxSize"])
    along = position[:, 2] + velocity[:, 2] * (side / float(header["VelZSpace_to_kms"]))
    displaced = position.copy()
    displaced[:, 2] = (along.astype(np.float64) + side / 2) % side - side / 2
    return displaced


def read_halos(
    halos: Path,
    more_than: int = 0,
    redshift_space: bool = False,
    cleaning: Path | None = None,
) -> tuple[np.ndarray, np.ndarray, dict]:
    """The CompaSO halos of one box.

    Parameters
    ----------
    halos : Path
        The folder ``halos/z0.500``; all its files are read, one after the other, since the files of
        one number do not cover one range of x.
    more_than : int
        Halos of more particles than this are kept.
    redshift_space : bool
        Whether they are displaced along z by ``v_com`` (see ``in_redshift_space``).
    cleaning : Path, optional
        The folder ``cleaning`` of the tree: N is that of cleaned halos, without those that merged
        into others.

    Returns
    -------
    position : float32, (n, 3)
        ``x_com`` [Mpc/h], in [-L/2, L/2].
    particle_count : int64, (n,)
        Particles of each halo.
    header : dict

    Raises
    ------
    InputError
        If a file is damaged, of another box than the first, or has positions that are none; if
        no halo is kept.
    """
    names, positions, counts, header = {}, [], [], {}
    total, largest = 0, 0
    files = sorted((halos / "halo_info").glob("halo_info_*.asdf"))
    if not files:
        raise InputError(
            f"no files {halos}/halo_info/halo_info_*.asdf: expected the halo_info files of an "
            "AbacusSummit box; fetch or make it again"
        )
    for file in files:
        verify(file)
        names[file] = read_header(file, SNAPSHOT_FIELDS)["SimName"]
        check_same_name(names, "halos")
        with _reading(file), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fields = ["N", "x_com", *(["v_com"] if redshift_space else [])]
            catalogue = CompaSOHaloCatalog(
                file, cleaned=cleaning is not None, cleandir=cleaning, subsamples=False,
                fields=fields,  # pyright: ignore[reportArgumentType]: abacusutils' default is a text
            )  # fmt: skip
        position = np.asarray(catalogue.halos["x_com"])
        if redshift_space:
            velocity = np.asarray(catalogue.halos["v_com"])
            position = in_redshift_space(position, velocity, catalogue.header, file)
        bad = int((~np.isfinite(position)).any(axis=1).sum())
        if bad:
            raise InputError(
                f"{file}: {' or '.join(fields[1:])} of {bad} of {len(position)} halos is not "
                "finite; expected positions; fetch or make the halo_info files again"
            )
        count = np.asarray(catalogue.halos["N"]).astype(np.int64)
        total, largest = total + len(count), max(largest, count.max(initial=0))
        positions.append(position[count > more_than])
        counts.append(count[count > more_than])
        header = dict(catalogue.header)
    if not sum(map(len, counts)):
        raise InputError(
            f"halo cut N > {more_than} leaves none of the {total} halos in {halos} (largest: "
            f"{largest} particles); use a lower cut"
        )
    return np.concatenate(positions), np.concatenate(counts), header


def particle_chunks(
    files: BoxFiles, redshift_space: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray, dict]]:
    """Every particle of subsample A exactly once, some millions at a time.

    The files are read one by one and not through the halo catalogue, which drops the particles
    of L0 groups that lie outside L1 halos. Of a file, the packed columns are held, 20 bytes a
    particle; they are unpacked in parts.

    Yields
    ------
    position : float32, (n, 3)
        Final position [Mpc/h], in [-L/2, L/2], both ends reachable.
    lagrangian_index : int16, (n, 3)
        Lattice index of the particle in the ppd^3 particle lattice.
    header : dict

    Raises
    ------
    InputError
        If a position file and its PID twin differ in length or box, or a file is damaged.
    """
    for product in PARTICLE_PRODUCTS:
        for rv_file in files.product(product):
            pid_file = (
                files.halos / product.replace("rv", "pid") / rv_file.name.replace("rv", "pid")
            )
            names = {}
            for file in (rv_file, pid_file):
                verify(file)
                names[file] = read_header(file, SNAPSHOT_FIELDS)["SimName"]
            check_same_name(names, "positions and identifiers")
            rvint, header = read_column(rv_file, "rvint")
            packed_pid, _ = read_column(pid_file, "packedpid")
            if len(rvint) != len(packed_pid):
                raise InputError(
                    f"{rv_file} holds {len(rvint)} particles but {pid_file} {len(packed_pid)}: "
                    "expected twins; compare both with checksums.crc32 of their folders"
                )
            for start in range(0, len(rvint), CHUNK_PARTICLES):
                part = slice(start, start + CHUNK_PARTICLES)
                position, velocity = unpack_rvint(
                    rvint[part], header["BoxSize"], velout=None if redshift_space else False
                )
                if redshift_space:
                    position = in_redshift_space(position, velocity, header, rv_file)
                index = unpack_pids(packed_pid[part], lagr_idx=True)["lagr_idx"]
                yield position, index, header


def read_column(path: Path, name: str) -> tuple[np.ndarray, dict]:
    """A column of a file as it is stored, and the header."""
    with _reading(path), asdf.open(path, lazy_load=True, memmap=False) as file:
        return np.asarray(file["data"][name]), dict(file["header"])


def lattice_side(header: Mapping[str, Any], path: str | Path) -> int:
    """Particles a side of a simulation, which its header gives as a float, ``ppd``.

    Raises
    ------
    InputError
        If identifiers cannot tell so many apart.
    """
    side = round(float(header["ppd"]))
    check_side(
        f"{path}: header ppd, particles", side, MOST_PARTICLES,
        "the 15 bits of an identifier hold no more: use a smaller simulation",
    )  # fmt: skip
    return side

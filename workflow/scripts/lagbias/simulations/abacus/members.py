"""Particles of halos in AbacusSummit's files: which halo each one is in, and where it began."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from abacusnbody.data.bitpacked import unpack_pids, unpack_rvint
from abacusnbody.data.compaso_halo_catalog import CompaSOHaloCatalog

from lagbias.base.errors import InputError
from lagbias.simulations.abacus.reader import in_redshift_space, read_column, verify
from lagbias.simulations.abacus.tree import BoxFiles

# Columns of particles: of a product, and of the particles that cleaning added to halos.
COLUMNS = {"halo_rv_A": "rvint", "halo_pid_A": "packedpid"}


def labelled_rows(
    files: BoxFiles, min_particles: int, product: str
) -> Iterator[tuple[Path, str, np.ndarray, np.ndarray, np.ndarray]]:
    """Which rows of the halos' particles are of halos with N > ``min_particles``.

    Of cleaned halos, the particles of those that merged into them come from files of their own.

    Parameters
    ----------
    files : BoxFiles
    min_particles : int
    product : str
        ``halo_rv_A`` or ``halo_pid_A``.

    Yields
    ------
    file : Path
        Of the product, one after the other.
    column : str
        Of the file.
    rows : int64, (n,)
        In this file.
    halo : int64, (n,)
        Number of the halo that each is of, among those above the cut in all files.
    halo_particles : int64, (n,)
        N of that halo.
    """
    before = 0
    for halo_file in files.product("halo_info"):
        verify(halo_file)
        fields = ["N", "npstartA", "npoutA"]
        if files.cleaning is not None:
            fields += ["npstartA_merge", "npoutA_merge"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # One file at a time: npstartA counts within the particle file of the same number.
            halos = CompaSOHaloCatalog(
                halo_file, cleaned=files.cleaning is not None, cleandir=files.cleaning_tree,
                subsamples=False, fields=fields,  # pyright: ignore[reportArgumentType]
            ).halos  # fmt: skip
        size = np.asarray(halos["N"]).astype(np.int64)
        above = size > min_particles
        number = halo_file.stem.rpartition("_")[2]
        parts = [(files.halos / product / f"{product}_{number}.asdf", COLUMNS[product], "")]
        if files.cleaning is not None:
            cleaned = files.cleaning / f"cleaned_rvpid/cleaned_rvpid_{number}.asdf"
            parts.append((cleaned, f"{COLUMNS[product]}_A", "_merge"))
        for file, column, end in parts:
            start = np.asarray(halos[f"npstartA{end}"])[above].astype(np.int64)
            count = np.asarray(halos[f"npoutA{end}"])[above].astype(np.int64)
            # The particles of a halo are one range: count up within each.
            within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            verify(file)
            halo = np.repeat(np.arange(before, before + len(count)), count)
            rows = np.repeat(start, count) + within
            yield file, column, rows, halo, np.repeat(size[above], count)
        before += int(above.sum())


def taken(column: np.ndarray, rows: np.ndarray, file: Path) -> np.ndarray:
    """Some rows of a column of a file.

    Raises
    ------
    InputError
        If the halos point to rows that the file does not hold.
    """
    if len(rows) and rows.max() >= len(column):
        raise InputError(
            f"halo_info points to particle {rows.max()} of {file}, which holds {len(column)}: "
            "expected files of one box; compare both with checksums.crc32"
        )
    return column[rows]


def labelled_positions(
    files: BoxFiles, min_particles: int, redshift_space: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Final positions of subsample particles in halos with N > ``min_particles``, file by file.

    In redshift space each is displaced by its own velocity (see ``reader.in_redshift_space``).

    Yields
    ------
    position : float32, (n, 3) [Mpc/h], in [-L/2, L/2]
    halo, halo_particles : int64, (n,), see ``labelled_rows``

    Raises
    ------
    InputError
        If the halos of a file point to particles that it does not hold.
    """
    for file, column, rows, halo, halo_particles in labelled_rows(
        files, min_particles, "halo_rv_A"
    ):
        rvint, header = read_column(file, column)
        position, velocity = unpack_rvint(taken(rvint, rows, file), header["BoxSize"])
        if redshift_space:
            position = in_redshift_space(position, velocity, header, file)
        yield position, halo, halo_particles


def labelled_lattice(
    files: BoxFiles, min_particles: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, dict]]:
    """Where the particles of ``labelled_positions`` began, file by file.

    Yields
    ------
    lattice_index : int16, (n, 3)
        In the ppd^3 particle lattice.
    halo, halo_particles : int64, (n,), see ``labelled_rows``
    header : dict

    Raises
    ------
    InputError
        If the halos of a file point to particles that it does not hold.
    """
    for file, column, rows, halo, halo_particles in labelled_rows(
        files, min_particles, "halo_pid_A"
    ):
        packed, header = read_column(file, column)
        lattice_index = unpack_pids(taken(packed, rows, file), lagr_idx=True)["lagr_idx"]
        yield lattice_index, halo, halo_particles, header

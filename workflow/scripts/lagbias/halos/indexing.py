"""Particles of a box's files, made two integers each and sorted by cell."""

import logging
from dataclasses import asdict, fields
from pathlib import Path

import blosc
import numba
import numpy as np

from lagbias.base.files import remove, written_whole
from lagbias.base.limits import MOST_CELLS, check_density_grid, check_mesh
from lagbias.base.stores import GrowingVariable, append_variable, provenance, set_attributes
from lagbias.base.threads import usable
from lagbias.fields.mesh import Mesh
from lagbias.halos.velocities import Velocities, particles_in_redshift_space
from lagbias.simulations.agreement import check_same_waves, correlation, long_modes
from lagbias.simulations.box import SimulationBox
from lagbias.simulations.displacements import Sample, check_displacements, waves_along

log = logging.getLogger(__name__)


@numba.njit(cache=True)
def _nearest_point(lattice_index, ppd, points):
    """Density grid point, along one axis, of a point of the particle lattice."""
    # ASSUME: the lattice point belongs to its nearest density point; a tie goes to the
    # even one, so that ties shift nothing on average (design factors 6 and 12).
    return int(np.rint(np.int64(lattice_index) * points / ppd)) % points


@numba.njit(parallel=True, cache=True)
def _two_integers(position, lattice_index, ppd, points, cells, subcells, box_size, out):
    """out = final cell with sub-cell (high 32 bits), Lagrangian grid point (low 32 bits)."""
    fine = cells * subcells
    for p in numba.prange(len(position)):
        cell, sub, point = 0, 0, 0
        for axis in range(3):
            x = position[p, axis] / box_size + 0.5
            u = int(np.floor((x * cells + 0.5) * subcells)) % fine
            cell = cell * cells + u // subcells
            sub = sub * subcells + u % subcells
            point = point * points + _nearest_point(lattice_index[p, axis], ppd, points)
        out[p] = (np.uint64(cell * subcells**3 + sub) << np.uint64(32)) | np.uint64(point)


@numba.njit(cache=True)
def lagrangian_points(lattice_index: np.ndarray, ppd: int, points: int) -> np.ndarray:
    """Lagrangian grid points of particles, rounded as in a store of :func:`write_particles`.

    Parameters
    ----------
    lattice_index : int, (n, 3)
        In the lattice of ppd^3 particles.
    ppd : int
        Particles a side of the simulation.
    points : int
        Points a side of the density grid.

    Returns
    -------
    uint32, (n,)
    """
    found = np.zeros(len(lattice_index), dtype=np.uint32)
    for p in range(len(lattice_index)):
        point = 0
        for axis in range(3):
            point = point * points + _nearest_point(lattice_index[p, axis], ppd, points)
        found[p] = point
    return found


def write_particles(
    box: SimulationBox,
    cell_size: float,
    store: str | Path,
    threads: int = 1,
    velocities: Velocities | None = None,
) -> None:
    """Write every subsample particle of a box as two integers, sorted by final cell.

    The particles of a box of any size pass through: file by file to a file for each slab of cells
    beside the store, then slab by slab, sorted, into it.

    Parameters
    ----------
    box : SimulationBox
    cell_size : float
        Training cell [Mpc/h].
    store : path of the zarr store
        Variables ``final_cell`` and ``lagrangian_index`` uint32 (particle), ``cell_start`` int64
        (cell + 1): the particles of cell c are ``cell_start[c]:cell_start[c + 1]``. The attribute
        ``correlation_with_linear_density`` is that of ``agreement.correlation``;
        ``displacement_correlation`` and ``displacement_slope``, by axis, are those of
        ``displacements.compared``; ``velocity_cell`` [Mpc/h] and ``own_velocity`` are those of
        ``Velocities``, null in real space.
    threads : int
    velocities : Velocities, optional
        How particles are displaced along z; final cells are then those of redshift space.

    Raises
    ------
    InputError
        If particles and initial density are of different boxes, waves or signs (``agreement``),
        files are damaged, or cells or grid points are more than 32 bits count.
    """
    numba.set_num_threads(usable(threads))
    blosc.set_nthreads(min(usable(threads), blosc.MAX_THREADS))  # decompression
    mesh = Mesh.of_cell_size(cell_size, box.box_size)
    check_mesh("mesh.cell_size", mesh.cells, mesh.box_size, MOST_CELLS)
    check_density_grid(box.density_file, box.density_points)
    reach = waves_along(box.box_size, box.density_points)
    waves = long_modes(box.linear_density(), reach)  # gone before particles are read
    sample = Sample()
    with written_whole(store) as partial:
        spool = partial.with_name(f"{partial.name}.slabs")  # a killed job's goes with its store
        spool.mkdir()
        try:
            counts = _sort_into_slabs(box, mesh, spool, velocities, sample)
            in_cells = _write_slabs(spool, mesh, int(counts.sum()), partial)
        finally:
            remove(spool)
        agreement = correlation(waves, long_modes(in_cells))
        check_same_waves(agreement, box)
        moved = check_displacements(sample, waves, box)
        set_attributes(
            partial,
            **provenance(simulation=box.name, redshift=box.redshift, box_size=mesh.box_size),
            cells=mesh.cells, subcells=mesh.subcells, density_grid=box.density_points,
            sampled_fraction=int(counts.sum()) / box.particle_count,
            redshift_space=velocities is not None,
            **_how_displaced(velocities),
            correlation_with_linear_density=round(agreement, 4),
            displacement_correlation=moved.correlation.round(4).tolist(),
            displacement_slope=moved.slope.round(4).tolist(),
        )  # fmt: skip


def _how_displaced(velocities: Velocities | None) -> dict[str, float | None]:
    """Attributes ``velocity_cell`` and ``own_velocity``; of None they are null."""
    if velocities:
        return asdict(velocities)
    return {key.name: None for key in fields(Velocities)}


def _sort_into_slabs(
    box: SimulationBox, mesh: Mesh, spool: Path, velocities: Velocities | None, sample: Sample
) -> np.ndarray:
    """Append the packed particles of a box to one file for each slab of cells along x.

    A sample of them is taken on the way.

    Returns
    -------
    int64, (cells,)
        Particles of each slab.
    """
    counts = np.zeros(mesh.cells, dtype=np.int64)
    edges = np.arange(mesh.cells + 1, dtype=object) * mesh.cells**2 * mesh.subcells**3 << 32
    edges[-1] -= 1  # of the last slab may be 2^64; no particle is there
    edges = edges.astype(np.uint64)
    per_side, points = box.particles_per_side, box.density_points
    chunks = particles_in_redshift_space(box, velocities) if velocities else box.particle_chunks()
    for position, lattice_index in chunks:
        packed = np.empty(len(position), dtype=np.uint64)
        _two_integers(
            position, lattice_index, per_side, points, mesh.cells, mesh.subcells, mesh.box_size,
            packed,
        )  # fmt: skip
        sample.add(position, lattice_index)
        packed.sort()
        starts = np.searchsorted(packed, edges)
        for x in range(mesh.cells):
            with open(spool / f"{x}", "ab") as slab:
                packed[starts[x] : starts[x + 1]].tofile(slab)
        counts += np.diff(starts)
        log.info("%d particles read", counts.sum())
    return counts


def _write_slabs(spool: Path, mesh: Mesh, particles: int, store: Path) -> np.ndarray:
    """Sort the particles of each slab and write them, and where each cell begins.

    Returns
    -------
    int64, (cells, cells, cells)
        Particles of each cell.
    """
    one = {"length": particles, "dtype": np.uint32, "dim": "particle", "units": "1"}
    final_cells = GrowingVariable(store, "final_cell", **one)
    lagrangian_indices = GrowingVariable(store, "lagrangian_index", **one)
    cell_counts = np.zeros(mesh.size + 1, dtype=np.int64)
    for x in range(mesh.cells):
        packed = np.fromfile(spool / f"{x}", dtype=np.uint64)
        (spool / f"{x}").unlink()  # what is left to read and what is written never add up
        packed.sort()
        final_cell = (packed >> np.uint64(32)).astype(np.uint32)
        final_cells.append(final_cell)
        lagrangian_indices.append(packed.astype(np.uint32))  # the low 32 bits
        first = x * mesh.cells**2
        cell_counts[first + 1 : first + 1 + mesh.cells**2] = np.bincount(
            final_cell // np.uint32(mesh.subcells**3) - np.uint32(first), minlength=mesh.cells**2
        )
    cell_start = np.cumsum(cell_counts, out=cell_counts)
    append_variable(store, "cell_start", cell_start, ("edge",), units="1")
    return np.diff(cell_start).reshape((mesh.cells,) * 3)

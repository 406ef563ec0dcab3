"""What training needs of boxes: particles sorted by cell, their inputs, and the halo field.

Every training step takes whole cells, of all boxes of the set, and needs each cell's sum of f over
its particles. Particles are sorted by cell, so the sums are segment sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from lagbias.base.errors import InputError
from lagbias.base.limits import check_block
from lagbias.base.seeds import seed_of
from lagbias.base.stores import open_store
from lagbias.halos.particles import Particles, points_of_cells
from lagbias.projection.projection import Projection
from lagbias.training.rows import ROWS_AT_ONCE, InputsOnDisk, Rows, digest_of


class TrainingBoxes(Rows):
    """Particles and halos of one or many boxes as one list of cells, ready for the device.

    Particles that share cell and Lagrangian point are one row with a multiplicity.

    Attributes
    ----------
    inputs : float32, (rows, inputs)
    multiplicity : uint8, (rows,)
        Particles that the row stands for; float32 where one stands for more than 255, or where
        particles are drawn in each cell.
    cell_start : int64, (cells + 1,)
        Rows of cell c are ``cell_start[c]:cell_start[c + 1]``.
    per_mean_cell : float32, (cells,)
        N_cells / N_particles of the cell's box: turns sums of f into 1 + delta.
    halo_overdensity : float32, (cells,)
    per_drawn : float32, (cells,), or None
        Particles of the cell for each that is drawn; None where they are not drawn in each cell.
    particles : float
        Of all boxes; of those drawn, what they stand for.
    sampled_fraction : float
        Share of the simulation's particles that is here, over all boxes.
    sampled_in_cell : float32, (cells,), or None
        That share in the cell's box; None where all boxes are ``drawn_alike``.
    """

    cell_start: torch.Tensor
    per_mean_cell: torch.Tensor
    halo_overdensity: torch.Tensor
    per_drawn: torch.Tensor | None
    sampled_in_cell: torch.Tensor | None

    def __init__(self, boxes: Sequence[dict[str, Any]], on_disk: InputsOnDisk | None = None):
        super().__init__()
        self.on_disk = on_disk
        in_memory = () if on_disk else ("inputs",)
        for name in (*in_memory, "multiplicity", "per_mean_cell", "halo_overdensity"):
            parts = [box[name] for box in boxes]
            joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
            if name != "multiplicity":  # a byte, but for rare rows: there are 1e8 and more
                joined = joined.astype(np.float32, copy=False)
            self.register_buffer(name, torch.from_numpy(joined))
        if on_disk:
            self.register_buffer("inputs", on_disk.tensor())
        lengths = np.concatenate([np.diff(box["cell_start"]) for box in boxes])
        start = torch.zeros(len(lengths) + 1, dtype=torch.int64)
        torch.cumsum(torch.from_numpy(lengths), 0, out=start[1:])
        self.register_buffer("cell_start", start)
        per_drawn = [torch.from_numpy(box["per_drawn"]) for box in boxes if "per_drawn" in box]
        self.register_buffer("per_drawn", torch.cat(per_drawn) if per_drawn else None)
        particles = [box["multiplicity"].sum(dtype=np.float64) for box in boxes]
        fractions = [box["sampled_fraction"] for box in boxes]
        everything = [count / share for count, share in zip(particles, fractions, strict=True)]
        self.particles = sum(particles)
        self.sampled_fraction = float(self.particles / sum(everything))
        in_cell = None
        if not drawn_alike(np.array(fractions), np.array(everything)):
            sizes = [len(box["halo_overdensity"]) for box in boxes]
            in_cell = torch.from_numpy(np.repeat(np.array(fractions, np.float32), sizes))
        self.register_buffer("sampled_in_cell", in_cell)
        self.sides = [round(len(box["halo_overdensity"]) ** (1 / 3)) for box in boxes]

    def blocks(self, side: int, shift: Sequence[int] = (0, 0, 0)) -> torch.Tensor:
        """Cubes of cells that tile all boxes.

        Parameters
        ----------
        side : int
            Of a cube, in cells.
        shift : three int
            Of the grid of cubes, in cells; it wraps around the box.

        Returns
        -------
        int64, (cubes, side^3)
            Numbers of the cells of each cube.

        Raises
        ------
        InputError
            If the cubes do not tile a box.
        """
        tiled, first = [], 0
        for cells in self.sides:
            check_block(side, cells)
            number = torch.arange(cells**3).reshape((cells,) * 3) + first
            number = number.roll(tuple(shift), (0, 1, 2))
            per_side = cells // side
            number = number.reshape(per_side, side, per_side, side, per_side, side)
            tiled.append(number.permute(0, 2, 4, 1, 3, 5).reshape(per_side**3, side**3))
            first += cells**3
        return torch.cat(tiled).to(self.cell_start.device)

    @property
    def cells(self) -> int:
        """Cells of all boxes."""
        return len(self.halo_overdensity)

    def rows_of(self, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Row numbers of the particles of some cells, cell after cell, and rows per cell.

        Parameters
        ----------
        cells : int64, any shape

        Returns
        -------
        rows : int64, (rows,)
        lengths : int64, (cells,), flat
        """
        cells = cells.reshape(-1)
        start = self.cell_start[cells]
        lengths = self.cell_start[cells + 1] - start
        ends = torch.cumsum(lengths, 0)
        shift = torch.repeat_interleave(start - (ends - lengths), lengths)
        return torch.arange(len(shift), device=shift.device) + shift, lengths

    def drawn_of(
        self, cells: torch.Tensor, rows: torch.Tensor, lengths: torch.Tensor
    ) -> torch.Tensor:
        """Particles of each row of some cells that were drawn, (rows,) (see ``rows_of``)."""
        stand_for = self.multiplicity[rows]
        if self.per_drawn is None:
            return stand_for
        return stand_for / torch.repeat_interleave(self.per_drawn[cells.reshape(-1)], lengths)

    def sampled_of(self, cells: torch.Tensor) -> torch.Tensor | float:
        """Share of the simulation's particles that is here, in the box of each of some cells."""
        in_cell = self.sampled_in_cell
        return self.sampled_fraction if in_cell is None else in_cell[cells]

    def digest(self) -> str:
        """A digest of all numbers a network is trained on."""
        return digest_of(self, repr(self.sampled_fraction))


def drawn_alike(fractions: np.ndarray, particles: np.ndarray) -> bool:
    """Whether shares of the particles of some boxes, (boxes,), are as of draws of one chance.

    They then differ from the share of all by less than five standard deviations.
    """
    share = (fractions * particles).sum() / particles.sum()
    deviation = np.sqrt(share * max(1 - share, 0) / particles)
    rounding = 1e-12
    return bool((abs(fractions - share) <= 5 * deviation + rounding).all())


def load_box(
    features: Mapping[float, str | Path],
    particles: str | Path,
    halos: str | Path,
    projection: Projection,
    fraction: float,
    seed: int,
    in_cells: bool = False,
    on_disk: InputsOnDisk | None = None,
) -> dict[str, np.ndarray | float]:
    """What training needs of one box (see ``TrainingBoxes``).

    Parameters
    ----------
    features : mapping
        Smoothing scale [Mpc/h] to feature store.
    particles, halos : paths of the stores
    projection : Projection
    fraction : float
        Share of the particles to draw, once.
    seed : int
        Of that draw.
    in_cells : bool
        Draw in each cell (``drawn_in_each``) rather than from the whole box.
    on_disk : InputsOnDisk, optional
        Where ``inputs`` go; they are not returned then.

    Raises
    ------
    InputError
        If halos and particles are on different meshes, or features on another grid.
    """
    catalogue = Particles.open(particles)
    halo_store = open_store(halos)
    overdensity = halo_store["overdensity"].values.reshape(-1)
    if halo_store.attrs["cells"] != catalogue.mesh.cells:
        raise InputError(
            f"{halos} has {halo_store.attrs['cells']} cells a side, {particles} "
            f"{catalogue.mesh.cells}: expected one mesh; make both again with one mesh.cell_size"
        )
    for path in features.values():
        check_density_grid(path, particles, catalogue.density_grid)
    name = particles_name(particles)
    drawing = np.random.default_rng(seed_of(seed, f"subsample {name}")) if fraction < 1 else None
    point, multiplicity, cell_start = distinct_rows(catalogue, fraction, drawing, in_cells)
    cells, sampled_fraction = catalogue.mesh.size, catalogue.sampled_fraction
    box: dict[str, np.ndarray | float] = {}
    if in_cells and fraction < 1:
        box["per_drawn"] = per_drawn(np.diff(catalogue.cell_start), fraction)
        multiplicity = multiplicity * np.repeat(box["per_drawn"], np.diff(cell_start))
    del catalogue
    particle_number = multiplicity.sum(dtype=np.float64)
    if on_disk is None:
        box["inputs"] = projection.at(features, point)
    else:
        on_disk.write(lambda part: projection.at(features, part), point)
    return box | {
        "multiplicity": multiplicity,
        "cell_start": cell_start,
        "per_mean_cell": np.full(cells, cells / particle_number, dtype=np.float32),
        "halo_overdensity": overdensity,
        "sampled_fraction": sampled_fraction * fraction,
    }


def check_density_grid(store: str | Path, particles: str | Path, density_grid: int) -> None:
    """Refuse a store of a grid that is not the one that the particles count.

    Raises
    ------
    InputError
        If they differ.
    """
    points = open_store(store).sizes["x"]
    if points != density_grid:
        raise InputError(
            f"{store} has {points} points a side, {particles} counts {density_grid}: "
            "expected one density grid; make both again with one density_grid"
        )


def drawn_in_each(particles: np.ndarray, fraction: float) -> np.ndarray:
    """How many of the n particles of each cell are drawn: max(int(fraction n), 1), none of none."""
    return np.minimum(np.maximum((fraction * particles).astype(np.int64), 1), particles)


def per_drawn(particles: np.ndarray, fraction: float) -> np.ndarray:
    """What a drawn particle of each cell stands for, float32; 1 where there are none."""
    return (particles / np.maximum(drawn_in_each(particles, fraction), 1)).astype(np.float32)


def draw_in_each(particles: np.ndarray, fraction: float, random: np.random.Generator) -> np.ndarray:
    """Which particles are drawn, bool, given how many are in each of some cells, in order."""
    cell = np.repeat(np.arange(len(particles)), particles)
    order = random.integers(2**32, size=len(cell), dtype=np.uint64)
    shuffled = np.argsort((cell.astype(np.uint64) << np.uint64(32)) | order)  # within each cell
    place = np.arange(len(cell)) - np.repeat(np.cumsum(particles) - particles, particles)
    drawn = np.zeros(len(cell), dtype=bool)
    drawn[shuffled[place < np.repeat(drawn_in_each(particles, fraction), particles)]] = True
    return drawn


def distinct_rows(
    catalogue: Particles,
    fraction: float,
    random: np.random.Generator | None,
    in_cells: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct Lagrangian points of each cell, some cells at a time.

    Parameters
    ----------
    catalogue : Particles
    fraction : float
        Share of the particles to draw.
    random : numpy.random.Generator or None
        Draws them; not needed where all are taken.
    in_cells : bool
        Draw in each cell (``drawn_in_each``) rather than from the whole box.

    Returns
    -------
    point : uint32, (rows,)
        Rising within each cell.
    multiplicity : uint8, or float32 where one is above 255, (rows,)
        Drawn particles of that point in that cell.
    cell_start : int64, (cells + 1,)
    """
    points, multiplicities = [], []
    rows = np.zeros(catalogue.mesh.size + 1, dtype=np.int64)
    for first, last, index in points_of_cells(catalogue, ROWS_AT_ONCE):
        lengths = np.diff(catalogue.cell_start[first : last + 1])
        cell = np.repeat(np.arange(first, last, dtype=np.uint64), lengths)
        # Particles of one cell are already together; order them by point within the cell.
        pair = (cell << np.uint64(32)) | index
        if fraction < 1 and in_cells:
            pair = pair[draw_in_each(lengths, fraction, cast(np.random.Generator, random))]
        elif fraction < 1:
            pair = pair[cast(np.random.Generator, random).random(len(pair)) < fraction]
        pair, multiplicity = np.unique(pair, return_counts=True)
        points.append(pair.astype(np.uint32))  # the low 32 bits
        small = multiplicity.max(initial=0) <= np.iinfo(np.uint8).max
        multiplicities.append(multiplicity.astype(np.uint8 if small else np.float32))
        rows[first + 1 : last + 1] = np.bincount(
            (pair >> np.uint64(32)).astype(np.int64) - first, minlength=last - first
        )
    return np.concatenate(points), np.concatenate(multiplicities), np.cumsum(rows)


def particles_name(path: str | Path) -> str:
    """The simulation's name, from ``results/{sim}/particles.zarr``, all that a seed depends on."""
    return Path(path).parent.name


@dataclass(frozen=True)
class Boxes:
    """The stores of some boxes, an entry a box.

    Parameters
    ----------
    features : mappings of smoothing scale [Mpc/h] to feature store
    particles, halos, labels : paths of the stores
        Labels are there where a network is trained on them.
    """

    features: Sequence[Mapping[float, str | Path]]
    particles: Sequence[str | Path]
    halos: Sequence[str | Path]
    labels: Sequence[str | Path] = ()

    def load(
        self,
        projection: Projection,
        fraction: float,
        seed: int,
        in_cells: bool = False,
        folder: str | Path | None = None,
    ) -> TrainingBoxes:
        """Everything training needs of them (see ``load_box``).

        Network inputs are read from a file in ``folder`` where that is given.
        """
        stores = zip(self.features, self.particles, self.halos, strict=True)
        on_disk = None if folder is None else InputsOnDisk(folder, projection.inputs)
        return TrainingBoxes(
            [load_box(*box, projection, fraction, seed, in_cells, on_disk) for box in stores],
            on_disk,
        )

"""The front door: load a trained model, f of any linear density, paint particles that carry f."""

import copy
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lagbias.base.devices import device_of
from lagbias.base.errors import InputError
from lagbias.base.limits import MOST_PAINTED, check_side
from lagbias.base.threads import usable
from lagbias.evaluation.prediction import ratio_by_slab
from lagbias.features.smoothed import write_features
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import PAINT_CHUNK
from lagbias.fields.painting import paint
from lagbias.model.card import card
from lagbias.model.differentiable import ratio_of
from lagbias.model.file import ModelFile
from lagbias.model.inputs import (
    check_folder,
    checked_box_size,
    checked_density,
    checked_particles,
    checked_where,
)
from lagbias.model.seen import Outside

log = logging.getLogger(__name__)

Density = np.ndarray | torch.Tensor | Callable[[], np.ndarray]


class TrainedModel:
    """A trained model: the halo-to-mass ratio f of Lagrangian patches of any linear density.

    Attributes
    ----------
    file : ModelFile
        Networks, projection, and what the card says (``ModelFile.about``).
    """

    def __init__(self, file: ModelFile) -> None:
        self.file = file
        self._box_size: float | None = None  # of the last f

    @classmethod
    def read(cls, model: str | Path) -> "TrainedModel":
        """A model from its file, or a shipped one by its name.

        Raises
        ------
        InputError
            If there is no such model, or its file is not whole.
        """
        return cls(ModelFile.read(model))

    @property
    def scales(self) -> list[float]:
        """Smoothing scales [Mpc/h], rising."""
        return sorted(set(self.file.projection.scales))

    @property
    def seeds(self) -> list[int]:
        """Seeds of the networks, in the order of ``ratio(…, seeds=True)``."""
        return list(self.file.networks)

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return card(self.file.about)

    def __repr__(self) -> str:
        scales = ", ".join(f"{scale:g}" for scale in self.scales)
        return f"<TrainedModel {self.file.about['name']}: R = {scales} Mpc/h, seeds {self.seeds}>"

    def ratio(
        self,
        linear_density: Density,
        box_size: float,
        *,
        seeds: bool = False,
        where: np.ndarray | None = None,
        threads: int = 1,
        device: str = "cpu",
        scratch: str | Path | None = None,
    ) -> Any:
        """f at every grid point of a linear density.

        Parameters
        ----------
        linear_density : float32 or float64, (n, n, n), or a function that returns it
            Linear overdensity at the model's redshift, in a periodic box. Of a torch tensor f is a
            tensor on the same device, and passes gradients to it; the options below but ``seeds``
            are then not used (``lagbias.model.differentiable``). What a function returns is freed
            once it is transformed.
        box_size : float
            [Mpc/h]
        seeds : bool
            f of every seed, not their mean.
        where : bool, (n, n, n)
            Where f is wanted; everywhere if not given. The workflow's prediction asks for f where
            particles are: with the same ``where`` and ``threads`` f has the same bits.
        threads : int
        device : str
            ``cpu``, ``cuda`` or ``auto``: where f is evaluated.
        scratch : path of a folder
            For features, 36 bytes a grid point and three scales while this runs; the system's
            folder for such files if not given. Memory: 2.5 grids of float32, or 1.25 grids and
            1.2 GB, whichever is more.

        Returns
        -------
        float32, (n, n, n), or with ``seeds`` (seeds, n, n, n); 0 where f is not wanted

        Raises
        ------
        InputError
            If the density is not as above, or a smoothing scale is below its grid spacing.

        Warns
        -----
        OutOfRange
            If more than ``seen.WORTH_A_WARNING`` of the points have inputs beyond the range that
            the training saw; with the share.
        """
        self._box_size = checked_box_size(box_size)
        if isinstance(linear_density, torch.Tensor):
            return ratio_of(self.file, linear_density, box_size, seeds)
        check_folder(scratch)
        found = linear_density() if callable(linear_density) else linear_density
        held = [checked_density(found, box_size, self.scales)]
        n = len(held[0])
        needed = checked_where(where, n)
        del found, linear_density
        with tempfile.TemporaryDirectory(dir=scratch, prefix="lagbias-") as folder:
            stores = {scale: f"{folder}/R{scale:g}.zarr" for scale in self.scales}
            kinds = self.file.projection.kinds_used
            write_features(held.pop, box_size, stores, threads, kinds)
            with threads_of_torch(threads):
                ratio = self._streamed(stores, needed, seeds, device)
        return ratio.reshape(-1, n, n, n) if seeds else ratio.reshape(n, n, n)

    def _streamed(
        self, stores: dict[float, str], needed: np.ndarray, seeds: bool, device: str
    ) -> np.ndarray:
        """f from features, (seeds or 1, points), slab by slab."""
        place = device_of(device)
        networks = [copy.deepcopy(one).to(place) for one in self.file.networks.values()]
        ratio = np.zeros((len(networks) if seeds else 1, len(needed)), dtype=np.float32)
        outside = Outside(self.file.about["inputs"])
        for slab, inputs, values in ratio_by_slab(networks, self.file.projection, stores, needed):
            ratio[:, slab][:, needed[slab]] = values if seeds else mean_of(values)
            outside.add(inputs)
            log.info("f: %.0f %% of the grid", 100 * slab.stop / len(needed))
        outside.tell()
        return ratio

    def paint(
        self,
        ratio: np.ndarray,
        positions: np.ndarray,
        lagrangian_index: np.ndarray,
        grid: int,
        box_size: float | None = None,
        threads: int = 1,
    ) -> np.ndarray:
        """The halo field: particles carry f from Lagrangian points to their final positions.

        Parameters
        ----------
        ratio : float32, (n, n, n)
            f, of ``ratio``.
        positions : float, (particles, 3) [Mpc/h]
            Final positions, wrapped into [0, L). Point [0, 0, 0] of the mesh is at position 0.
        lagrangian_index : integer, (particles,) or (particles, 3)
            The grid point of ``ratio`` that each particle began at: (i n + j) n + k, or i, j, k.
        grid : int
            Points a side of the mesh.
        box_size : float
            [Mpc/h]; that of the last call of ``ratio`` if not given.
        threads : int

        Returns
        -------
        float32, (grid, grid, grid)
            Overdensity of the halos, by triangular-shaped clouds.

        Raises
        ------
        InputError
            If the arrays do not fit each other.
        """
        side = self._box_size if box_size is None else checked_box_size(box_size)
        if side is None:
            raise InputError("box_size: expected the side of the box in Mpc/h, found none; give it")
        check_side("grid, points of the mesh", grid, MOST_PAINTED, "use a coarser one")
        points = checked_particles(ratio, positions, lagrangian_index)
        return paint(_chunks(ratio, positions, points, side), Grid(grid, side), threads)

    def save_onnx(self, path: str | Path) -> None:
        """Write the networks alone as ONNX: see ``lagbias.model.onnx_file.write_onnx``."""
        from lagbias.model.onnx_file import write_onnx  # its packages need not be installed

        write_onnx(self.file, path)


def mean_of(ratios: np.ndarray) -> np.ndarray:
    """f averaged over seeds, float32 (points,), added as ``write_fields`` adds it."""
    total = np.zeros(ratios.shape[1], dtype=np.float32)
    for ratio in ratios:
        total += ratio
    return total / np.float32(len(ratios))


@contextmanager
def threads_of_torch(threads: int) -> Iterator[None]:
    """Let torch use so many threads in a block, and as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(usable(threads))
    try:
        yield
    finally:
        torch.set_num_threads(usable(before))


def _chunks(
    ratio: np.ndarray, positions: np.ndarray, points: np.ndarray, box_size: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions in [0, L) and f of some particles at a time."""
    flat, side = ratio.reshape(-1), np.float32(box_size)
    for start in range(0, len(points), PAINT_CHUNK):
        part = slice(start, start + PAINT_CHUNK)
        wrapped = (positions[part] % box_size).astype(np.float32)
        wrapped[wrapped >= side] = 0  # what rounds up to L
        yield wrapped, flat[points[part]]

"""Figure of slices through model and halo fields."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.fft
from matplotlib.colors import SymLogNorm

from lagbias.base.stores import MEAN, open_store
from lagbias.fields.grid import Grid
from lagbias.figures.labels import TRACER_TITLES
from lagbias.figures.style import DIFFERENCE_COLOURS, FIELD_COLOURS, drawn_to
from lagbias.halos.catalogue import paint_halos

SHOWN_SMOOTHING = 4.0  # Mpc/h, of the maps: shot noise hides the structure below it


def plot_slices(
    prediction: str | Path,
    halos: str | Path,
    outputs: Sequence[str | Path],
    thickness: float = 20.0,
) -> None:
    """Maps of the halo field, the model field and their difference.

    Parameters
    ----------
    prediction, halos : zarr stores of one box
    outputs : files to write
    thickness : float
        Of the slice that is averaged [Mpc/h].
    """
    store = open_store(prediction)
    grid = Grid(store.sizes["x"], store.attrs["box_size"])
    model = store["overdensity"][store.attrs["members"].index(MEAN)].values
    halo, _ = paint_halos(halos, grid)
    planes = max(1, round(thickness / grid.spacing))
    maps = [smoothed(field, grid)[:planes].mean(axis=0) for field in (halo, model)]
    maps.append(maps[1] - maps[0])
    highest = float(np.percentile(maps[0], 99.8))
    norm = SymLogNorm(linthresh=1, vmin=-1, vmax=highest)
    extent = (0, grid.box_size, 0, grid.box_size)
    tracer = TRACER_TITLES[open_store(halos).attrs["weighting"]]
    titles = (tracer, "model: particles × f", f"model − {tracer.partition(' ')[0]}")
    with drawn_to(outputs, ncols=3, figsize=(10.5, 3.7), sharey=True) as (figure, axes):
        for axis, field, title in zip(axes[0], maps, titles, strict=True):
            difference = title.startswith("model −")
            image = axis.imshow(
                field.T, origin="lower", extent=extent,
                norm=SymLogNorm(1, vmin=-highest, vmax=highest) if difference else norm,
                cmap=DIFFERENCE_COLOURS if difference else FIELD_COLOURS,
            )  # fmt: skip
            axis.set(title=title, xlabel="y [Mpc/h]")
            figure.colorbar(image, ax=axis, shrink=0.8, label="overdensity δ", location="bottom")
        axes[0, 0].set_ylabel("z [Mpc/h]")


def smoothed(field: np.ndarray, grid: Grid, scale: float = SHOWN_SMOOTHING) -> np.ndarray:
    """A field under a Gaussian of ``scale`` [Mpc/h]."""
    k, k_last = grid.wavenumbers(), grid.half_wavenumbers()
    window, window_last = (np.exp(-0.5 * (q * scale) ** 2) for q in (k, k_last))
    modes = scipy.fft.rfftn(field) * window[:, None, None] * window[:, None] * window_last
    return scipy.fft.irfftn(modes, s=field.shape, axes=(0, 1, 2))  # pyright: ignore[reportReturnType]

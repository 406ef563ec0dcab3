"""The one style of all figures, and what draws them to PDF and PNG."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it logs every glyph of a PDF
# Okabe & Ito's colours (safe for colour-blind readers), ordered so that they differ in grey too;
# line styles and markers repeat the distinction. Eight colours and seven lines: after eight curves
# a colour comes back with another line.
COLOURS = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"]
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 1))]
STYLE: dict[Any, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 180,
    "font.size": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "axes.grid": False,
    "lines.linewidth": 1.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "lagbias",
    "figure.hooks": [],  # no default of matplotlib puts back
}
FIELD_COLOURS = "cividis"
DIFFERENCE_COLOURS = "PuOr_r"


@contextmanager
def drawn_to(outputs: Sequence[str | Path], **subplots) -> Iterator[tuple[Figure, np.ndarray]]:
    """Give a figure in the house style and save it under all its names (suffix gives format)."""
    with plt.rc_context():
        matplotlib.rcdefaults()  # a user's own style, of a matplotlibrc, is for other figures
        plt.rcParams.update(STYLE)
        figure, axes = plt.subplots(layout="constrained", squeeze=False, **subplots)
        try:
            yield figure, axes
            for axis in axes.flat:
                say_if_empty(axis)
            for output in outputs:
                with written_whole(output) as partial:
                    suffix = Path(output).suffix[1:]
                    metadata = {"CreationDate": None} if suffix == "pdf" else {"Software": None}
                    figure.savefig(partial, format=suffix, metadata=metadata)
        finally:
            plt.close(figure)


def say_if_empty(axis: Axes) -> None:
    """Say so in a panel that has nothing to show, as where a box is too small for a statistic.

    A logarithmic axis along which there is no positive number cannot be drawn.
    """
    empty = [
        along
        for along in "xy"
        if getattr(axis, f"get_{along}scale")() == "log"
        and not np.isfinite(getattr(axis.dataLim, f"minpos{along}"))
    ]
    for along in empty:
        axis.set(**{f"{along}scale": "linear", f"{along}ticks": []})
    if empty:
        axis.text(0.5, 0.5, "not measured in these boxes", transform=axis.transAxes, ha="center")


def colour_of(index: int) -> str:
    """Colour of the index-th curve, bar or band."""
    return COLOURS[index % len(COLOURS)]


def line_of(index: int) -> dict:
    """Colour and line style of the index-th curve."""
    return {"color": colour_of(index), "linestyle": LINES[index % len(LINES)]}


def wavenumber_axis(axis: Axes) -> None:
    """A logarithmic axis of wavenumbers with a few plain numbers."""
    axis.set(xlabel="k [h/Mpc]", xscale="log")
    axis.xaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())


def draw_member_band(
    axis: Axes, along, curve: xr.DataArray, index: int, label: str | None = None, **style
) -> None:
    """The average's curve, and the range of the seeds as a band.

    Parameters
    ----------
    axis : where to
    along : (points,)
        Places of the points.
    curve : dimensions ``member`` and one of the points
    index : int
        Which curve of the figure it is: its colour and line.
    label, style : of the average's curve
    """
    seeds = curve.drop_sel(member=MEAN)
    if seeds.sizes["member"] > 1:
        low, high = seeds.min("member"), seeds.max("member")
        axis.fill_between(along, low, high, color=colour_of(index), alpha=0.2, linewidth=0)
    axis.plot(along, curve.sel(member=MEAN), **line_of(index), label=label, **style)

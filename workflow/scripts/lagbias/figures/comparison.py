"""The figure of all models on all test boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lagbias.config.names import parse_network
from lagbias.figures.labels import model_label
from lagbias.figures.style import COLOURS, drawn_to

# Columns of the table and the titles of their axes.
PANELS = {
    "power_ratio_k0-0.1": r"$P_{\rm model}/P_{\rm halo}$" + "\nk < 0.1 h/Mpc",
    "power_ratio_k0.1-0.3": r"$P_{\rm model}/P_{\rm halo}$" + "\n0.1 < k < 0.3",
    "error_over_shot_k0.1-0.3": r"$P_{\rm error}/P_{\rm shot}$" + "\n0.1 < k < 0.3",
    "validation_loss": "loss on\nvalidation boxes",
}
ERROR_BARS: dict[str, dict[str, Any]] = {
    "_box_error": {"elinewidth": 2.5, "alpha": 0.45},
    "_seed_deviation": {"elinewidth": 1, "capsize": 2.5},
}
BAR_NAMES = {"_box_error": "bar: boxes", "_seed_deviation": "bar: seeds"}
RATIOS = (0.9, 1.12)  # shown; what lies beyond is marked at the edge
ROOM = 0.04  # beside what is shown, of its width
KINDS: dict[str, dict[str, Any]] = {
    "yardsticks": {"color": COLOURS[0], "marker": "o"},
    "all inputs": {"color": COLOURS[2], "marker": "s"},
    "few directions": {"color": COLOURS[1], "marker": "D"},
    "variants": {"color": COLOURS[3], "marker": "p"},
}


def kind_of(model: str) -> str:
    """Kind of a model, of ``KINDS``."""
    if not model.startswith("R"):
        return "yardsticks"
    network = parse_network(model)
    if network.variant:
        return "variants"
    return "few directions" if network.directions else "all inputs"


def shown_range(table: pd.DataFrame, column: str) -> tuple[float, float]:
    """What an axis of the comparison shows, by the networks that are trained as configured.

    Of errors from just below nothing, which a model that knows the halos has to the noise, to twice
    the networks' largest; of losses what the networks have and half of that span on either side, at
    least 10 % of the largest.
    """
    if column.startswith("power_ratio"):
        return RATIOS
    found = table.dropna(subset=column)
    networks = found[found["model"].map(kind_of).isin(["all inputs", "few directions"])]
    shown = networks if len(networks) else found
    if shown.empty:
        return 0.0, 1.0
    least, most = shown[column].min(), shown[column].max()
    if column.startswith("error"):
        return -0.1 * most, 2 * most
    beside = max((most - least) / 2, 0.1 * most)
    return least - beside, most + beside


def plot_comparison(comparison: str | Path, outputs: Sequence[str | Path]) -> None:
    """Every model a line: ratios of power, error and loss; bars from boxes and seeds.

    Parameters
    ----------
    comparison : path of the table that ``comparison.write_comparison`` wrote
    outputs : files to write
    """
    table = pd.read_csv(comparison)
    table = pd.DataFrame(table[table["model"] != "matter"]).reset_index(drop=True)
    place = np.arange(len(table))[::-1]
    with drawn_to(
        outputs, ncols=len(PANELS), figsize=(10.5, 1.6 + 0.24 * len(table)), sharey=True
    ) as (figure, axes):
        for axis, (name, title) in zip(axes[0], PANELS.items(), strict=True):
            if name.startswith("power_ratio"):
                axis.axvspan(0.98, 1.02, color="0.9", zorder=0)
                axis.axvline(1, color="0.6", linewidth=0.8, zorder=0)
            _draw_column(axis, table, name, place)
            axis.set_xlabel(title)
            axis.tick_params(axis="y", length=0)
            axis.grid(axis="y", color="0.92", linewidth=0.6)
            axis.set_axisbelow(True)
        axes[0, 0].set_yticks(place, [model_label(model) for model in table["model"]], fontsize=8)
        axes[0, 0].set_ylim(-0.7, len(table) - 0.3)
        figure.legend(handles=_legend_of(table), loc="outside upper center", ncols=7)


def _draw_column(axis: Axes, table: pd.DataFrame, column: str, place: np.ndarray) -> None:
    """A column of the table with its errors; triangles at the edge for what lies beyond."""
    low, high = shown_range(table, column)
    room = ROOM * (high - low)
    for height, row in zip(place, table.to_dict("records"), strict=True):
        value, style = row[column], dict(KINDS[kind_of(row["model"])])
        beyond = value < low or value > high
        if beyond:
            style["marker"] = "<" if value < low else ">"
            value = np.clip(value, low, high)
        for end, bar in ERROR_BARS.items():
            width = row.get(column + end)
            xerr = None if beyond or width is None or np.isnan(width) else width
            axis.errorbar(value, height, xerr=xerr, ms=3.5, **style, **bar)
    axis.set_xlim(low - room, high + room)


def _legend_of(table: pd.DataFrame) -> list[Artist]:
    """Handles of the kinds of models and of the bars that a comparison has."""
    found = set(table["model"].map(kind_of))
    handles = [
        Line2D([], [], linestyle="none", markersize=5, label=kind, **style)
        for kind, style in KINDS.items()
        if kind in found
    ]
    for end, style in ERROR_BARS.items():
        if table.filter(regex=f"^({'|'.join(PANELS)}){end}$").notna().any(axis=None):
            width, alpha = style["elinewidth"], style.get("alpha")
            name = BAR_NAMES[end]
            handles.append(Line2D([], [], color="0.2", linewidth=width, alpha=alpha, label=name))
    return [*handles, Patch(color="0.9", label="±2 %")]

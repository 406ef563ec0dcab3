"""The figure of all models on all test boxes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.layout import parse_network
from lagbias.plots import COLOURS, drawn_to, model_label
from lagbias.spectra import BANDS

# Columns of the table and the titles of their axes.
PANELS = {
    "power_ratio_k0-0.1": r"$P_{\rm model}/P_{\rm halo}$" + "\nk < 0.1 h/Mpc",
    "power_ratio_k0.1-0.3": r"$P_{\rm model}/P_{\rm halo}$" + "\n0.1 < k < 0.3",
    "error_over_shot_k0.1-0.3": r"$P_{\rm error}/P_{\rm shot}$" + "\n0.1 < k < 0.3",
    "validation_loss": "loss on\nvalidation boxes",
}
ERROR_BARS = {
    "_box_error": {"elinewidth": 2.5, "alpha": 0.45},
    "_seed_deviation": {"elinewidth": 1, "capsize": 2.5},
}
RATIOS = (0.9, 1.12)  # shown; what lies beyond is marked at the edge


def colour(model: str) -> str:
    """Yardsticks, networks on all inputs, those on few directions, variants."""
    if not model.startswith("R"):
        return COLOURS[0]
    network = parse_network(model)
    if network.variant:
        return COLOURS[3]
    return COLOURS[1] if network.directions else COLOURS[2]


def plot_comparison(comparison: str | Path, outputs: Sequence[str | Path]) -> None:
    """Every model a line: ratios of power, error and loss; bars from boxes and seeds.

    Parameters
    ----------
    comparison : path of the table that ``comparison.write_comparison`` wrote
    outputs : files to write
    """
    table = pd.read_csv(comparison)
    table = table[table["model"] != "matter"].reset_index(drop=True)
    place = np.arange(len(table))[::-1]
    with drawn_to(
        outputs, ncols=len(PANELS), figsize=(10.5, 1.3 + 0.24 * len(table)), sharey=True
    ) as (_, axes):
        for axis, (name, title) in zip(axes[0], PANELS.items(), strict=True):
            values = table[name]
            if name.startswith("power_ratio"):
                axis.axvspan(0.98, 1.02, color="0.9", zorder=0)
                axis.axvline(1, color="0.6", linewidth=0.8)
                values = values.clip(*RATIOS)
                axis.set_xlim(RATIOS[0] - 0.01, RATIOS[1] + 0.01)
            elif name.startswith("error"):
                axis.set_xscale("log", nonpositive="mask")
            for row in table.index:
                beyond = values[row] != table[name][row] and not pd.isna(values[row])
                marker = ("<" if values[row] < 1 else ">") if beyond else "o"
                drawn = {"color": colour(table["model"][row]), "marker": marker}
                for end, style in ERROR_BARS.items():
                    error = table.get(name + end)
                    width = None if error is None or beyond else np.nan_to_num(error[row])
                    axis.errorbar(values[row], place[row], xerr=width, ms=4, **drawn, **style)
            axis.set_xlabel(title)
            axis.tick_params(axis="y", length=0)
        axes[0, 0].set_yticks(place, [model_label(model) for model in table["model"]], fontsize=8)
        axes[0, 0].set_ylim(-0.7, len(table) - 0.3)


def inputs_label(name: str) -> str:
    """What a network is trained on, for an axis: so many directions, all inputs, a variant's."""
    network = parse_network(name)
    if network.directions:
        return str(network.directions)
    return f"by hand:\n{network.variant}" if network.variant else "all inputs"


def plot_by_directions(
    comparison: str | Path, models: Sequence[str], outputs: Sequence[str | Path]
) -> None:
    """P_model / P_halo, 1 - r^2 and P_error / P_shot against the number of directions.

    Parameters
    ----------
    comparison : path of the table that ``comparison.write_comparison`` wrote
    models : networks on few directions, on all inputs, on others made by hand
    outputs : files to write
    """
    table = pd.read_csv(comparison).set_index("model").loc[list(models)]
    quantities = {
        "power_ratio": r"$P_{\rm model}\,/\,P_{\rm halo}$",
        "one_minus_r2": r"$1-r^2$",
        "error_over_shot": r"$P_{\rm error}\,/\,P_{\rm shot}$",
    }
    with drawn_to(outputs, nrows=len(quantities), figsize=(6.4, 6.8), sharex=True) as (_, axes):
        for axis, (name, label) in zip(axes[:, 0], quantities.items(), strict=True):
            for index, (low, high) in enumerate(BANDS):
                column = f"{name}_k{low:g}-{high:g}"
                place = np.arange(len(models)) + 0.18 * (index - (len(BANDS) - 1) / 2)
                drawn = {"color": COLOURS[index], "marker": "osD"[index], "linestyle": "none"}
                for end, style in ERROR_BARS.items():
                    width = table[column + end].fillna(0)
                    axis.errorbar(place, table[column], yerr=width, ms=4, **drawn, **style)
                axis.plot(place, table[column], **drawn, ms=4, label=f"k = {low:g}–{high:g} h/Mpc")
            axis.set_ylabel(label)
        axes[0, 0].axhspan(0.98, 1.02, color="0.9", zorder=0)
        axes[0, 0].axhline(1, color="0.6", linewidth=0.8)
        for axis in axes[1:, 0]:
            axis.set_ylim(0, None)
        axes[2, 0].legend(title="thick bars: boxes, thin: seeds; grey: ±2 %")
        axes[2, 0].set_xticks(range(len(models)), map(inputs_label, models))
        axes[2, 0].set_xlabel("directions that are kept")

"""Figure of the losses of training and validation by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lagbias.figures.labels import model_label
from lagbias.figures.style import colour_of, drawn_to, line_of


def plot_losses(losses: Mapping[str, Sequence[str | Path]], outputs: Sequence[str | Path]) -> None:
    """Training and validation losses of the ablations, an epoch a point.

    Parameters
    ----------
    losses : mapping
        Model's name to the loss files of its seeds.
    """
    with drawn_to(outputs, ncols=2, figsize=(9, 3.8)) as (_, axes):
        for index, (name, paths) in enumerate(losses.items()):
            tables = [pd.read_csv(path).set_index("epoch") for path in paths]
            for axis, column in zip(axes[0], ("train_loss", "validation_loss"), strict=True):
                seeds = pd.concat([table[column] for table in tables], axis=1)
                axis.fill_between(
                    seeds.index, seeds.min(axis=1), seeds.max(axis=1),
                    color=colour_of(index), alpha=0.2, linewidth=0,
                )  # fmt: skip
                axis.plot(
                    seeds.index, seeds.mean(axis=1), **line_of(index), label=model_label(name)
                )
        for axis, title in zip(axes[0], ("training boxes", "validation boxes"), strict=True):
            axis.set(title=title, xlabel="epoch")
            low, high = _last_epochs_range(axis)
            axis.set_ylim(low - 0.1 * (high - low), high + 0.5 * (high - low))
        axes[0, 0].set_ylabel("loss")
        axes[0, 1].legend(title="R [Mpc/h]; band: seeds")


def _last_epochs_range(axis: Axes) -> tuple[float, float]:
    """Range of the curves over the last three quarters: the first epochs would flatten them."""
    curves = [np.asarray(line.get_ydata()) for line in axis.lines]
    values = np.concatenate([curve[len(curve) // 4 :] for curve in curves])
    return float(values.min()), float(values.max())

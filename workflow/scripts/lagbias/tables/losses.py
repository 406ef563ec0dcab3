"""Losses of trainings: those of the networks that are kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

LOSSES = ("train_loss", "validation_loss")


def kept_losses(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Losses of the epoch whose weights each training kept, of the halo field whatever it learnt.

    Parameters
    ----------
    paths : sequence
        ``losses.csv`` of some seeds.

    Returns
    -------
    DataFrame, a row a seed
    """
    curves = pd.concat([pd.read_csv(path) for path in paths])
    kept = pd.DataFrame(curves[curves["kept"]]).reset_index(drop=True)
    if "validation_field_loss" in kept:  # trained on labels
        kept["validation_loss"], kept["train_loss"] = kept["validation_field_loss"], np.nan
    return kept


def mean_losses(paths: Sequence[str | Path]) -> dict[str, float]:
    """``LOSSES`` of the networks that are kept: means over seeds, and ``_seed_deviation``."""
    kept = kept_losses(paths)
    return {  # pyright: ignore[reportReturnType]: pandas' mean may be a column
        name + end: value
        for name in LOSSES
        for end, value in (("", kept[name].mean()), ("_seed_deviation", kept[name].std(ddof=1)))
    }

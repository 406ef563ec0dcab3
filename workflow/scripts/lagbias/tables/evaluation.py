"""The evaluation table: sums of power in bands, which comparison, claims and others are views of.

A line is one model on one box: one of its members (a seed, or f averaged over seeds) in one band.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.stores import AGAIN, MEAN, read_netcdf
from lagbias.evaluation.bands import BANDS, SQUARED, SUMMED, Band, band_ratios, band_sums
from lagbias.plan.paths import place_of

YARDSTICK_BAND = (0.0, 0.3)  # where models without a network are compared
# Paper I: P_cross / P_halo of f(δ, ∇²δ) in bins, at some k.
CROSS_AT = {0.27: 1.015, 0.63: 0.96}
NOT_FITTED = ("matter", "labels")
Source = str | Path | Sequence[str | Path]  # of the table, or of spectra that are in none
COLUMNS = [
    "training_set", "tracer", "model", "box", "member", "k_min", "k_max", "modes", *SUMMED,
    *(f"{name}_squared" for name in SQUARED), "file",
]  # fmt: skip
NAMES = [*COLUMNS[:5], "file"]


def around(k: float) -> Band:
    """The band in which a number of paper I at k [h/Mpc] is measured."""
    return 0.93 * k, 1.07 * k


EVALUATED = (*BANDS, YARDSTICK_BAND, *map(around, CROSS_AT))


@dataclass(frozen=True)
class Evaluated:
    """One model on some boxes.

    Attributes
    ----------
    boxes, members : list of str
        Members are seeds, and ``stores.MEAN``; that alone for models without a network.
    bands : list of (k_min, k_max) [h/Mpc]
    files : list of str
        Spectra, a file a box.
    sums : dict of arrays, (boxes, members, bands)
        Of ``bands.band_sums``.
    trained_on : int
        Boxes to which the model is fitted; 0 if to none, or if it is not told.
    """

    boxes: list[str]
    members: list[str]
    bands: list[Band]
    files: list[str]
    sums: dict[str, np.ndarray]
    trained_on: int = 0

    def total(self, name: str, band: Band, member: str = MEAN) -> np.ndarray:
        """A sum over the modes of a band, (boxes,); that of ``MEAN`` where there are no seeds."""
        place = self.members.index(member if member in self.members else MEAN)
        return self.sums[name][:, place, self.bands.index(band)]

    def seeds(self) -> list[str]:
        """The members that are seeds; none of a model without a network."""
        return [member for member in self.members if member != MEAN]

    def ratios(self) -> dict[str, np.ndarray]:
        """Of every band of the tables, ``bands.band_ratios``, (boxes, members) each."""
        found = {}
        for band in BANDS:
            place = self.bands.index(band)
            sums = {name: values[..., place] for name, values in self.sums.items()}
            found |= band_ratios(sums, band)
        return found

    def of(self, members: Sequence[str]) -> "Evaluated":
        """The same of some members, in this order."""
        places = [self.members.index(member) for member in members]
        sums = {name: values[:, places] for name, values in self.sums.items()}
        return replace(self, members=list(members), sums=sums)


def lines_of(
    spectra: xr.Dataset, bands: Iterable[Band] = EVALUATED, **columns: str
) -> Iterator[dict]:
    """Lines of the table, of one model on one box; ``columns`` are the same on each."""
    sums = {band: band_sums(spectra, band) for band in bands}
    for place, member in enumerate(spectra["member"].values):
        for (k_min, k_max), found in sums.items():
            values = {name: value[place] for name, value in found.items()}
            yield {**columns, "member": str(member), "k_min": k_min, "k_max": k_max, **values}


def evaluation_of(spectra: Iterable[str | Path], bands: Iterable[Band] = EVALUATED) -> pd.DataFrame:
    """The table of spectra ``…/fits/{set}/{tracer}/{model}/on_{box}/…``, file after file."""
    lines = [
        line | {"file": str(path)}
        for path in spectra
        for line in lines_of(read_netcdf(path), bands, **place_of(path))
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def write_evaluation(spectra: Iterable[str | Path], output: str | Path) -> None:
    """Write sums over the modes of bands, a line a model, box, member and band.

    Parameters
    ----------
    spectra : paths of the form ``…/fits/{set}/{tracer}/{model}/on_{box}/…``
    output : path of a CSV file
        Columns ``training_set``, ``tracer``, ``model``, ``box``, ``member``, ``k_min``, ``k_max``
        [h/Mpc], the sums of ``bands.band_sums`` with all their digits, powers in (Mpc/h)^3, and the
        ``file`` of spectra.
    """
    with written_whole(output) as partial:
        evaluation_of(spectra).to_csv(partial, index=False)


def read_evaluation(source: Source) -> pd.DataFrame:
    """Read an evaluation table to the last bit, or make the one of spectra that are in none.

    Parameters
    ----------
    source : path or sequence
        The table's, or those of spectra as of ``write_evaluation``.
    """
    files = [source] if isinstance(source, str | Path) else source
    if Path(files[0]).suffix != ".csv":
        return evaluation_of(files)
    return pd.read_csv(
        files[0], dtype=dict.fromkeys(NAMES, str), keep_default_na=False,
        float_precision="round_trip",
    )  # fmt: skip


def models_in(table: pd.DataFrame, trained_on: int = 0) -> dict[str, Evaluated]:
    """The models of a table of one tracer by name, in its order.

    Parameters
    ----------
    table : of ``evaluation_of``
    trained_on : int
        Training boxes of the set, where intervals are to know them.

    Raises
    ------
    InputError
        If lines are missing.
    """
    return {
        str(model): replace(
            _evaluated(str(model), lines), trained_on=0 if model in NOT_FITTED else trained_on
        )
        for model, lines in table.groupby("model", sort=False)
    }


def _evaluated(model: str, lines: pd.DataFrame) -> Evaluated:
    boxes, members, files = (list(lines[name].unique()) for name in ("box", "member", "file"))
    bands = list(dict.fromkeys(zip(lines["k_min"], lines["k_max"], strict=True)))
    shape = len(boxes), len(members), len(bands)
    if len(lines) != np.prod(shape):
        raise InputError(
            f"the evaluation table has {len(lines)} lines of {model}, expected {np.prod(shape)}: "
            f"boxes x members x bands = {' x '.join(map(str, shape))}; {AGAIN}"
        )
    sums = {name: lines[name].to_numpy().reshape(shape) for name in COLUMNS[7:-1]}
    return Evaluated(boxes, members, bands, files, sums)

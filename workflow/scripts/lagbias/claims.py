"""The paper's claims beside what was measured, each with an error and a verdict.

Claims of Wu, Muñoz & Eisenstein, arXiv:2212.08095 (abstract and highlights).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lagbias.files import written_whole
from lagbias.layout import MEAN, parse_model, parse_scales
from lagbias.spectra import band_average
from lagbias.stores import read_netcdf

BAND = (0.0, 0.1)  # h/Mpc, of the paper's claims
TOLERANCE = 0.02  # of the paper's 1-2 %
# ASSUME: "described by two directions" is 98 % of the gradient's power; the paper names no number.
SHARE = 0.98
COLUMNS = ["claim", "model", "quantity", "measured", "error", "verdict", "file"]


def band_of(spectra: xr.Dataset) -> xr.Dataset:
    """The shells of the band."""
    return spectra.sel(k=spectra["k"][(spectra["k"] >= BAND[0]) & (spectra["k"] < BAND[1])])


def power_ratio(spectra: xr.Dataset) -> tuple[float, float]:
    """P_model / P_halo in the band, of f averaged over seeds, and its error on one box.

    Model and halos share their modes, so that most of the sample variance drops out of the ratio:
    of Gaussian fields of correlation r with N modes (a mode and its conjugate counted as two),
    var(ln ratio) = 4 (1 - r^2) / N. Neither seeds nor the choice of training boxes are in it.

    Returns
    -------
    ratio, error : float; NaN where the box holds no mode of the band
    """
    band = band_of(spectra).sel(member=MEAN)
    model, halo, cross = (
        float((band[f"power_{name}"] * band["modes"]).sum()) for name in ("model", "halo", "cross")
    )
    modes = float(band["modes"].sum())
    if not modes:
        return np.nan, np.nan
    stochastic = max(1 - cross**2 / (model * halo), 0.0)
    return model / halo, model / halo * np.sqrt(4 * stochastic / modes)


def against(spectra: xr.Dataset, reference: xr.Dataset) -> tuple[float, float]:
    """Model power over that of another model on the same box, and its standard error over seeds.

    Returns
    -------
    ratio, error : float
        Of f averaged over seeds; the error is NaN with a single seed.
    """
    one, two = (
        band_average(model, "power_model", "power_halo", *BAND) for model in (spectra, reference)
    )
    members = list(spectra["member"].values)
    mean = members.index(MEAN)
    seeds = np.delete(one / two, mean)
    error = seeds.std(ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else np.nan
    return one[mean] / two[mean], error


def verdict(deviation: float, error: float, tolerance: float = TOLERANCE) -> str:
    """Whether a deviation stays within a tolerance, by two standard errors either way."""
    if abs(deviation) + 2 * error <= tolerance:
        return "holds"
    return "fails" if abs(deviation) - 2 * error > tolerance else "not decidable here"


OPPOSITE = {"holds": "fails", "fails": "holds"}


def claims(
    spectra: Mapping[str, str | Path], pca: Mapping[str, str | Path], reference: str
) -> Iterator[dict]:
    """The claims that these models speak of, one after the other (see ``write_claims``)."""
    scale_count = {name: len(parse_scales(parse_model(name)[0])) for name in spectra}
    full = [name for name in spectra if parse_model(name)[1] is None]
    opened = {name: read_netcdf(path) for name, path in spectra.items()}
    for count, claim in (
        (3, "three scales recover the halo power at k < 0.1 h/Mpc to 1-2 %"),
        (1, "one scale is not enough"),
    ):
        for name in full:
            if scale_count[name] == count:
                ratio, error = power_ratio(opened[name])
                answer = verdict(ratio - 1, error)
                yield {
                    "claim": claim, "model": name, "quantity": "P_model / P_halo",
                    "measured": ratio, "error": error,
                    "verdict": answer if count == 3 else OPPOSITE.get(answer, answer),
                }  # fmt: skip
    for name in full:
        if scale_count[name] > 3 and scale_count[reference] == 3:
            ratio, error = against(opened[name], opened[reference])
            answer = verdict(min(ratio - 1, 0), error)
            yield {
                "claim": "more than three scales lower the large-scale power by 2-5 %",
                "model": name, "quantity": f"P_model / P_model of {reference}",
                "measured": ratio, "error": error, "verdict": OPPOSITE.get(answer, answer),
            }  # fmt: skip
    for name, path in pca.items():
        if scale_count[name] == 3:
            power = read_netcdf(path)["eigenvalue"].sel(version="f")
            share = power.isel(direction=slice(2)).sum("direction") / power.sum("direction")
            share = share.drop_sel(member=MEAN)
            error = float(share.std(ddof=1)) / np.sqrt(len(share)) if len(share) > 1 else np.nan
            yield {
                "claim": "two gradient directions describe f", "model": name,
                "quantity": "their share of the gradient's power",
                "measured": float(share.mean()), "error": error,
                "verdict": verdict(1 - float(share.mean()), error, 1 - SHARE),
            }  # fmt: skip
    for name in spectra:
        whole, directions = parse_model(name)
        if directions == 2 and scale_count[name] == 3:
            ratio, error = against(opened[name], opened[whole])
            yield {
                "claim": "retraining on two directions reproduces the halo power",
                "model": name, "quantity": f"P_model / P_model of {whole}",
                "measured": ratio, "error": error, "verdict": verdict(ratio - 1, error),
            }  # fmt: skip


def write_claims(
    spectra: Mapping[str, str | Path],
    pca: Mapping[str, str | Path],
    reference: str,
    output: str | Path,
) -> None:
    """Write one line a claim and model: what was measured, its error and a verdict.

    Parameters
    ----------
    spectra : mapping
        Network's name to its spectra on one box.
    pca : mapping
        Scale set to its gradient PCA.
    reference : str
        The network with which those of more than three scales are compared, if it has three.
    output : path of a CSV file
        Columns ``claim``, ``model``, ``quantity``, ``measured``, ``error``, ``verdict`` (``holds``,
        ``fails`` or ``not decidable here``, by two standard errors) and the ``file`` that the
        number is of. The error of a power ratio is that of one box (``power_ratio``), all others
        are of the mean over seeds; an error that is not known makes nothing decidable.
    """
    rows = []
    for row in claims(spectra, pca, reference):
        source = pca if row["quantity"].startswith("their share") else spectra
        rows.append(row | {"file": str(source[row["model"]])})
    with written_whole(output) as partial:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(partial, index=False, float_format="%.4g")

"""Table of models on other boxes, redshifts and cosmologies, and against other halos."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lagbias.base.files import written_whole
from lagbias.base.stores import MEAN, open_store, read_netcdf
from lagbias.evaluation.bands import BANDS, band_ratios, band_sums
from lagbias.tables.summary import ranges


def weight_per_particle(halos: Sequence[str | Path]) -> float:
    """Weight of the halos of some boxes, over the number of all particles of these boxes."""
    stores = [open_store(path) for path in halos]
    weight = sum(float(store["weight"].sum()) for store in stores)
    particles = (store.attrs["box_size"] ** 3 / store.attrs["particle_volume"] for store in stores)
    return weight / sum(particles)


def write_transfers(
    cases: Sequence[Mapping[str, object]],
    spectra: Sequence[str | Path],
    halos: Sequence[str | Path],
    training_halos: Sequence[str | Path],
    output: str | Path,
) -> None:
    """Write one line a transfer: <f>, ratios in bands and seeds' ranges, with r in the same bands.

    <f> over the box is 1 on the training boxes; where the model is right elsewhere, it is the
    weight of the halos a particle, over that of the training boxes.

    Parameters
    ----------
    cases : sequence of mappings
        Columns that say which model was compared with which halos; ``fitted_to`` is its tracer.
    spectra, halos : paths
        Of each case: spectra, and the halos in the box of the tracer that the model was fitted to.
    training_halos : paths
        Of all training boxes and tracers that models were fitted to, as ``…/{tracer}.zarr``.
    output : path of a CSV file
    """
    rows = []
    for case, path, of_box in zip(cases, spectra, halos, strict=True):
        of_set = [store for store in training_halos if Path(store).stem == case["fitted_to"]]
        found, ratios = read_netcdf(path), {}
        for band in BANDS:
            ratios |= band_ratios(band_sums(found, band), band)
        row = {
            **case,
            "mean_ratio": float(found["mean_ratio"].sel(member=MEAN)),
            "expected_mean_ratio": weight_per_particle([of_box]) / weight_per_particle(of_set),
            **ranges(ratios, list(found["member"].values)),
        }
        for low, high in BANDS:
            band = f"k{low:g}-{high:g}"
            # P_cross / sqrt(P_model P_halo) of the sums over modes, by their two ratios
            correlation = row[f"cross_ratio_{band}"] / np.sqrt(row[f"power_ratio_{band}"])
            row[f"correlation_{band}"] = correlation
        rows.append(row)
    with written_whole(output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.5g")

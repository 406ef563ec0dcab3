"""The radius that a network shows if f depends on the top-hat of the smallest halo alone.

    python benchmarks/expected_radii.py docs/first_direction/*_filters.csv docs/paper/*_filters.csv

The inputs of a network begin at its smallest smoothing scale, so a smaller top-hat looks larger.
Of each table of filters, for networks on all their inputs: `smallest_halo`, the Lagrangian radius
of its smallest halo [Mpc/h]; `expected`, the best top-hat of what the inputs hold of that one; and
the measured radius, with the range of its seeds. Tables that the workflow writes today have
`expected_radius_of_smallest_halo`, by the power of their boxes; here AbacusSummit's is taken.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.config.names import FEATURE_KINDS, modes_kept, parse_network, parse_scales
from lagbias.features.linear_power import LinearPower
from lagbias.projection.filters import linear_filter
from lagbias.projection.orthogonal import whiten
from lagbias.projection.projection import Projection
from lagbias.simulations.mini.cosmology import linear_power
from lagbias.tables.directions import expected_radius

# 0.05 h/Mpc is the fundamental wave of 125 Mpc/h; at 6 h/Mpc the window of R = 1 is below 1e-7.
WAVENUMBER = np.geomspace(0.02, 6, 4000)  # [h/Mpc]
KINDS_OF_VARIANT = {
    None: FEATURE_KINDS, "gaussian": FEATURE_KINDS, "paper": FEATURE_KINDS,
    "noshear": ("delta", "laplacian"), "density": ("delta",),
}  # fmt: skip


def power_of_theory(redshift: float = 0.5) -> LinearPower:
    """AbacusSummit's linear power, as the variance of steps in ln k."""
    spectrum = CubicSpline(*np.log(linear_power(redshift)))
    variance = WAVENUMBER**3 * np.exp(spectrum(np.log(WAVENUMBER)))
    return LinearPower(WAVENUMBER, variance)


def projection_of_theory(
    scales: list[float], kinds: tuple[str, ...], power: LinearPower
) -> Projection:
    """Orthogonal inputs of delta and its Laplacian, as ``orthogonalise`` makes them of boxes."""
    of_features = tuple(kind for kind in ("delta", "laplacian") for _ in scales)
    features = Projection(
        np.eye(len(of_features)), np.zeros(len(of_features)), np.ones(len(of_features)),
        np.eye(len(of_features)), of_features, tuple(scales) * 2,
    )  # fmt: skip
    filters = np.array([linear_filter(features, row, WAVENUMBER) for row in features.matrix])
    covariance = (filters * power.variance) @ filters.T
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    wanted = np.isin(of_features, kinds)
    kept, _ = modes_kept(len(scales), None, kinds)
    matrix = np.zeros((kept, len(of_features)))
    matrix[:, wanted], _ = whiten(correlation[np.ix_(wanted, wanted)], kept)
    return Projection(matrix, features.mean, deviation, correlation, of_features, features.scales)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+")
    power = power_of_theory()
    print("| table | network | smallest_halo | expected | measured | range of seeds |")
    print("|---|---|---|---|---|---|")
    for path in parser.parse_args().tables:
        table = pd.read_csv(path)
        for _, row in table[table["filter"] == "top-hat"].iterrows():
            network = parse_network(row["model"])
            scales = parse_scales(network.scale_set)
            inputs = projection_of_theory(scales, KINDS_OF_VARIANT[network.variant], power)
            expected = expected_radius(inputs, power, row["smallest_halo_radius"])
            name = Path(path).stem.removesuffix("_filters")
            print(
                f"| {name} | {row['model']} | {row['smallest_halo_radius']:.2f} | {expected:.2f} | "
                f"{row['radius']:.2f} | {row['radius_seed_min']:.2f}–{row['radius_seed_max']:.2f} |"
            )


if __name__ == "__main__":
    main()

"""A model of two inputs that nobody learned: the density under a top-hat, and one tidal shear.

The paper's first direction is, as a field, nearly the linear density under a top-hat of the halos'
Lagrangian radius. Here that field is an input by construction, as far as the features reach it.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lagbias.base.errors import InputError
from lagbias.features.linear_power import LinearPower
from lagbias.projection.filters import Window, linear_filter, top_hat
from lagbias.projection.orthogonal import feature_covariance
from lagbias.projection.projection import Projection

log = logging.getLogger(__name__)

LOWEST_CORRELATION = 0.99  # of the combination's field with that of the top-hat


def top_hat_projection(
    boxes: Sequence[Mapping[float, str | Path]], power: LinearPower, radius: float
) -> tuple[Projection, float]:
    """Two inputs: the features' best approximation of a top-hat, and G2 at the smallest scale.

    The combination of delta and laplacian features that is nearest to the density under the
    top-hat, in the mean square over the boxes. Both inputs have unit variance; they are not
    orthogonalised, since G2 does not correlate with a Gaussian field.

    Parameters
    ----------
    boxes : sequence of mappings
        For each training box, smoothing scale [Mpc/h] to feature store.
    power : LinearPower, of these boxes
    radius : float
        Of the top-hat [Mpc/h].

    Returns
    -------
    projection : Projection
    correlation : float
        Of the combination's field with that of the top-hat.

    Raises
    ------
    InputError
        If the features do not reach the top-hat.
    """
    features = feature_covariance(boxes)
    combination, correlation = top_hat_combination(features, power, radius)
    log.info("top-hat of %g Mpc/h: correlation of the fields %.5f", radius, correlation)
    if correlation < LOWEST_CORRELATION:
        scales = ", ".join(f"{scale:g}" for scale in sorted(set(features.scales)))
        raise InputError(
            f"tophat_radius: features at R = {scales} Mpc/h make a field whose correlation with "
            f"the density under a top-hat of {radius:g} Mpc/h is {correlation:.4f}, expected at "
            f"least {LOWEST_CORRELATION}; use scales around {radius / 2:.2g} to {radius:.2g} "
            "Mpc/h or another radius"
        )
    smallest = min(features.scales)
    shear = [
        float(kind == "g2" and scale == smallest)
        for kind, scale in zip(features.kinds, features.scales, strict=True)
    ]
    rows = np.array([combination, shear])
    deviation = np.sqrt(np.einsum("if,fg,ig->i", rows, features.covariance, rows))
    return features.with_matrix(rows / deviation[:, None]), correlation


def top_hat_combination(
    projection: Projection, power: LinearPower, radius: float, window: Window = top_hat
) -> tuple[np.ndarray, float]:
    """The combination of a projection's linear inputs that is nearest to a top-hat.

    Least squares over the modes of the linear density, not by normal equations: features are so
    collinear that these would lose half the digits.

    Parameters
    ----------
    projection : Projection
        Of which the inputs without G2 are combined.
    power : LinearPower
    radius : float
        Of the top-hat [Mpc/h].
    window : function
        Another window instead of the top-hat.

    Returns
    -------
    combination : float64, (features,), coefficients of standardised features
    correlation : float
        Of the combination's field with that of the top-hat.
    """
    weight = np.sqrt(power.variance)
    inputs = projection.matrix[projection.linear]
    columns = np.array([linear_filter(projection, row, power.wavenumber) for row in inputs])
    wanted = weight * window(power.wavenumber, radius)
    solution, *_ = np.linalg.lstsq((weight * columns).T, wanted)
    made = solution @ (weight * columns)
    correlation = made @ wanted / np.sqrt((made @ made) * (wanted @ wanted))
    return solution @ inputs, float(correlation)

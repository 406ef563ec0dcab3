"""Peak-background-split biases: the response of <f> to a long wave of the initial density.

A wave much longer than any smoothing scale adds the same delta_l to delta_R at every scale R and
leaves Laplacians and G2 as they are. The mean number of halos over it is

    <f(delta_R + delta_l)> / <f> = 1 + b1 delta_l + b2 delta_l^2 / 2 + ...

so b_n = <d^n f / d delta_l^n> / <f>: Lagrangian biases (arXiv:1212.0868). The logarithm of the mean
number has the cumulant biases (arXiv:2405.01950),

    beta_2 = b2 - b1^2,    beta_3 = b3 - 3 b1 b2 + 2 b1^3,

and those beyond the second are zero where f is a Gaussian of the density and its tides.

Averages are over all particles, long waves included, which makes these the biases of large-scale
power and not Taylor coefficients of f. A wave of wavenumber k also changes Laplacians, and
smoothing weakens it:

    b1(k) = sum_R [ <df/d delta_R> - k^2 <df/d lap_R> ] exp(-k^2 R^2 / 2) / <f>
          = b1 - k^2 b_laplacian + ...,
    b_laplacian = sum_R [ <df/d lap_R> + R^2/2 <df/d delta_R> ] / <f>.

Of a Gaussian density this is the cross power of f with it, divided by its own (Stein's lemma; G2
has no part in it). The polynomial of ``lagbias.yardsticks.polynomial`` is written without the 1/2:
b2 here is twice the sum of its coefficients. ``b_shear`` = sum_R <df/dG2_R> / <f>, the sum of the
polynomial's bG2, is the response to a long tidal field only as far as f is linear in G2: its
curvature adds terms in the products of the tides at two scales, which are no features.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

BIASES = ("b1", "b2", "b3", "beta2", "beta3", "b_laplacian", "b_shear")
WAVENUMBERS = np.linspace(0, 0.5, 51)  # h/Mpc


def long_wave_response(
    kinds: Sequence[str] | np.ndarray,
    scales: Sequence[float] | np.ndarray,
    gradient: np.ndarray,
    curvature: np.ndarray,
    third: np.ndarray | float,
    dims: tuple[str, ...] = (),
) -> xr.Dataset:
    """Biases and b1(k) from the mean derivatives of f, all over <f>.

    Parameters
    ----------
    kinds, scales : (features,)
        Of the features; scales in Mpc/h.
    gradient : (..., features)
        <df / d feature>, features in their own units; of G2 NaN where it is not known.
    curvature : (...)
        <d^2 f / d delta_l^2>.
    third : (...)
        <d^3 f / d delta_l^3>.
    dims : names of the leading dimensions

    Returns
    -------
    Dataset of ``biases`` (..., bias), ``linear_response`` (..., wavenumber), that is b1(k), and
    ``mean_gradient`` (..., feature)
    """
    kinds, scales, k = np.array(kinds), np.array(scales), WAVENUMBERS
    delta, laplacian, shear = (
        gradient[..., kinds == kind] for kind in ("delta", "laplacian", "g2")
    )
    of_laplacian = laplacian.sum(-1) + 0.5 * delta @ scales[kinds == "delta"] ** 2
    b1, b2, b3 = np.broadcast_arrays(delta.sum(-1), curvature, third)
    cumulants = b2 - b1**2, b3 - 3 * b1 * b2 + 2 * b1**3
    biases = np.stack([b1, b2, b3, *cumulants, of_laplacian, shear.sum(-1)], axis=-1)
    response = delta @ window(scales[kinds == "delta"], k)
    response = response - k**2 * (laplacian @ window(scales[kinds == "laplacian"], k))
    return xr.Dataset(
        {
            "biases": ((*dims, "bias"), biases, {"units": "1; of the laplacian (Mpc/h)^2"}),
            "linear_response": ((*dims, "wavenumber"), response),
            "mean_gradient": (
                (*dims, "feature"), gradient, {"units": "1; of the laplacian (Mpc/h)^2"},
            ),
        },
        coords={
            "bias": list(BIASES),
            "wavenumber": ("wavenumber", k, {"units": "h/Mpc"}),
            "kind": ("feature", kinds.tolist()),
            "smoothing_scale": ("feature", scales, {"units": "Mpc/h"}),
        },
    )  # fmt: skip


def window(scales: np.ndarray, k: np.ndarray) -> np.ndarray:
    """The Gaussian smoothing of each scale [Mpc/h] at each wavenumber [h/Mpc]."""
    return np.exp(-0.5 * np.outer(scales, k) ** 2)


def with_errors(whole: xr.Dataset, left_out: Sequence[xr.Dataset]) -> xr.Dataset:
    """Add to every variable its ``_error``, from datasets that leave out one box each.

    The jackknife's standard error; NaN if there is one box only.
    """
    if len(left_out) > 1:
        errors = np.sqrt((len(left_out) - 1) * xr.concat(left_out, "box").var("box"))
    else:
        errors = whole * np.nan
    return whole.assign({f"{name}_error": error for name, error in errors.items()})

"""f of a torch tensor, with gradients to the density: for likelihoods of fields.

Features are made by ``torch.fft`` in the tensor's own precision and all are held at once, some
(9 + 60 networks) grids with their gradients. They agree with those of
``lagbias.features.smoothed`` to rounding.
"""

import copy

import numpy as np
import torch

from lagbias.base.errors import InputError
from lagbias.features.smoothed import MINUS_K_SQUARED, TRACELESS_BASIS
from lagbias.fields.grid import Grid
from lagbias.model.file import ModelFile
from lagbias.model.inputs import check_shape
from lagbias.model.seen import Outside


class TorchFeatures:
    """delta_R, its Laplacian and its tidal shear G2 of one density, differentiable.

    Parameters
    ----------
    density : real tensor, (n, n, n)
    box_size : float
        [Mpc/h]
    """

    def __init__(self, density: torch.Tensor, box_size: float) -> None:
        self.grid = Grid(len(density), box_size)
        self._spectrum = torch.fft.rfftn(density)
        made = {"dtype": density.dtype, "device": density.device}
        k, k_last = self.grid.wavenumbers(), self.grid.half_wavenumbers()
        axes = [(k, (-1, 1, 1)), (k, (1, -1, 1)), (k_last, (1, 1, -1))]
        full = [torch.as_tensor(q, **made).reshape(shape) for q, shape in axes]
        odd = [torch.as_tensor(self.grid.odd(q), **made).reshape(shape) for q, shape in axes]
        self._k2 = full[0] ** 2 + full[1] ** 2 + full[2] ** 2
        # In the order of TRACELESS_BASIS.
        self._products = [
            *(q**2 for q in full), odd[0] * odd[1], odd[0] * odd[2], odd[1] * odd[2]
        ]  # fmt: skip

    def _filtered(self, scale: float, form: np.ndarray, per_k2: bool) -> torch.Tensor:
        """The density times W(k) form(k) [/ k^2]; an all-zero form means W(k) alone."""
        factor = torch.exp(-0.5 * self._k2 * scale**2)
        if form.any():
            factor = factor * sum(
                c * q for c, q in zip(form.tolist(), self._products, strict=True) if c
            )
        if per_k2:  # the form is 0 where k is
            factor = factor / torch.where(self._k2 > 0, self._k2, 1)
        return torch.fft.irfftn(self._spectrum * factor, s=self.grid.shape)

    def compute(self, kind: str, scale: float) -> torch.Tensor:
        """One feature, ``delta``, ``laplacian`` or ``g2``, at a scale [Mpc/h], (n, n, n)."""
        if kind == "delta":
            return self._filtered(scale, np.zeros(6), per_k2=False)
        if kind == "laplacian":
            return self._filtered(scale, MINUS_K_SQUARED, per_k2=False)
        return sum(
            (self._filtered(scale, form, per_k2=True) ** 2 for form in TRACELESS_BASIS),
            torch.zeros(()),
        )


def ratio_of(
    file: ModelFile, density: torch.Tensor, box_size: float, seeds: bool = False
) -> torch.Tensor:
    """f of a density, (n, n, n), or of every seed (seeds, n, n, n), in the density's precision.

    Parameters
    ----------
    file : ModelFile
    density : float32 or float64, (n, n, n)
        Linear overdensity at the model's redshift.
    box_size : float
        [Mpc/h]
    seeds : bool

    Raises
    ------
    InputError
        If the density is not such a tensor, or a smoothing scale is below its grid spacing.
    """
    projection = file.projection
    dtype = str(density.dtype).removeprefix("torch.")
    check_shape(density.shape, dtype, box_size, projection.scales)
    if not torch.isfinite(density).all():
        raise InputError("density: found values that are not finite, expected overdensities")
    features = TorchFeatures(density, box_size)
    weights = projection.matrix / projection.standard_deviation
    # In float64 as far as possible: features are collinear, so that coefficients are large.
    inputs = torch.as_tensor(-weights @ projection.mean, device=density.device)
    for column in np.flatnonzero(projection.used).tolist():
        kind, scale = projection.kinds[column], projection.scales[column]
        coefficients = torch.as_tensor(weights[:, column], device=density.device)
        inputs = inputs + features.compute(kind, scale).reshape(-1, 1) * coefficients
    inputs = inputs.to(density.dtype)
    outside = Outside(file.about["inputs"])
    outside.add(inputs.detach().cpu().numpy())
    outside.tell()
    networks = (copy.deepcopy(one).to(density) for one in file.networks.values())
    found = torch.stack([network(inputs) for network in networks])
    return found.reshape(-1, *density.shape) if seeds else found.mean(0).reshape(density.shape)

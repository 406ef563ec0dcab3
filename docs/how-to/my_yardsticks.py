"""A yardstick of your own: f = 1 + b delta_R, fitted by the loss of the networks."""

import numpy as np
import xarray as xr
from lagbias.base.stores import open_store
from lagbias.yardsticks.least_squares import solve_free


class Straight:
    """Two functions of a Lagrangian point, 1 and delta_R, of which f is a sum."""

    def __init__(self, scale):
        self.scale = scale

    @classmethod
    def of_boxes(cls, boxes):
        """For each training box a mapping: smoothing scale to feature store."""
        return cls(min(boxes[0]))

    def __len__(self):
        return 2

    def on(self, features):
        """The functions on one box."""
        return StraightOnBox(features[self.scale])

    def solve(self, equations):
        """The coefficients of the least loss with <f> = 1."""
        return solve_free(equations)

    def to_dataset(self, coefficients, errors, equations):
        """What `coefficients.nc` will hold."""
        data = {"coefficient": ("function", coefficients), "standard_error": ("function", errors)}
        return xr.Dataset(data, attrs={"scale": self.scale})

    @classmethod
    def from_dataset(cls, data):
        """The functions and their coefficients, from `coefficients.nc`."""
        return cls(float(data.attrs["scale"])), data["coefficient"].values


class StraightOnBox:
    """The values of the functions at each point of the grid of a box."""

    def __init__(self, store):
        delta = open_store(store)["delta"].values.reshape(-1).astype(np.float64)
        self.values = np.stack([np.ones_like(delta), delta], axis=1)

    def __len__(self):
        return 2

    def cell_sums(self, particles, planes):
        """Sums over the particles of each cell, (planes, cells, cells, functions)."""
        cells = particles.mesh.cells
        sums = np.empty((len(planes), cells**2, 2))
        for number, plane in enumerate(planes):
            start = particles.cell_start[plane * cells**2 : (plane + 1) * cells**2 + 1]
            values = self.values[particles.lagrangian_index[start[0] : start[-1]]]
            cell = np.repeat(np.arange(cells**2), np.diff(start))
            for function in range(2):
                sums[number, :, function] = np.bincount(cell, values[:, function], cells**2)
        return sums.reshape(len(planes), cells, cells, 2)

    def moments(self, multiplicity):
        """Sums of the functions, and of their products, over particles."""
        weighted = self.values * multiplicity[:, None]
        return weighted.sum(axis=0), weighted.T @ self.values

    def ratio(self, coefficients):
        """f at every point of the grid."""
        return (self.values @ coefficients).astype(np.float32)

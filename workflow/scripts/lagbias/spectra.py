"""Evaluation: spectra of model, halo and matter fields and what is made of them.

Fields are painted with triangular-shaped clouds, whose window is divided out. Modes are summed
in shells by numpy's ``bincount``: abacusutils' counting, to which a test compares it, compiles for
several seconds in every process (numba refuses to keep it) and sums in float32.
"""

from pathlib import Path

import numpy as np
import scipy.fft
import xarray as xr
from abacusnbody.analysis.power_spectrum import get_W_compensated

from lagbias.grids import Grid
from lagbias.mesh import paint_halos
from lagbias.stores import open_store, provenance, write_netcdf

SHELL_GROWTH = 0.12  # relative width of a shell where it is wider than the fundamental mode


def shell_edges(grid: Grid, k_max: float) -> np.ndarray:
    """Edges of shells [h/Mpc], from half the fundamental mode to at most ``k_max``.

    A shell is as wide as the fundamental mode or 12 % of its wavenumber, whichever is more, and
    ends at half the mesh's Nyquist frequency at the latest: beyond, aliasing is not negligible.
    """
    k_max = min(k_max, 0.5 * np.pi / grid.spacing)
    edges = [0.5 * grid.fundamental]
    while edges[-1] < k_max:
        edges.append(edges[-1] + max(grid.fundamental, SHELL_GROWTH * edges[-1]))
    return np.array(edges[:-1] if edges[-1] > k_max and len(edges) > 2 else edges)


class Shells:
    """Shells of wavenumbers on a grid; every mode of the full cube counts once.

    Parameters
    ----------
    grid : Grid
    edges : (shells + 1,) [h/Mpc], rising (see ``shell_edges``)

    Attributes
    ----------
    modes : int64, (shells,), how many modes of the full cube lie in each
    k : float64, (shells,), their mean wavenumber [h/Mpc]
    """

    def __init__(self, grid: Grid, edges: np.ndarray):
        self.grid = grid
        self.edges = edges
        full, half = grid.wavenumbers() ** 2, grid.half_wavenumbers() ** 2
        # The last axis is halved: its modes stand for their conjugates too, but for two planes.
        self._copies = np.where((half == 0) | (2 * np.arange(len(half)) == grid.points), 1.0, 2.0)
        self._shell = np.empty((grid.points, grid.points, len(half)), dtype=np.uint16)
        self.modes, self.k = np.zeros((2, len(self.edges) - 1))
        for number, square in enumerate(full):
            k = np.sqrt(square + full[:, None] + half)
            self._shell[number] = np.digitize(k, self.edges)
            self.modes += self._sum(number, self._copies)
            self.k += self._sum(number, k * self._copies)
        with np.errstate(invalid="ignore"):  # an empty shell has no mean
            self.k /= self.modes
        self.modes = self.modes.astype(np.int64)

    def _sum(self, plane: int, values: np.ndarray) -> np.ndarray:
        """Sums of a plane's modes (y, z) over the shells; below and above them left out."""
        shell = self._shell[plane]
        values = np.broadcast_to(values, shell.shape)
        # Numbers that ``digitize`` gives: 0 below the first edge, ``len(edges)`` above the last.
        return np.bincount(shell.ravel(), values.ravel(), len(self.edges) + 1)[1:-1]

    def power(self, first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
        """Auto or cross power, V <Re(first second*)>, summed in float64.

        Parameters
        ----------
        first, second : complex64, (n, n, n // 2 + 1), modes of ``field_modes``

        Returns
        -------
        float64, (shells,) [(Mpc/h)^3]; NaN where a shell holds no mode
        """
        total = np.zeros(len(self.modes))
        for number, plane in enumerate(first):
            other = plane if second is None else second[number]
            product = plane.real * other.real + plane.imag * other.imag
            total += self._sum(number, product * self._copies)
        with np.errstate(invalid="ignore"):
            return total / self.modes * self.grid.box_size**3


def field_modes(
    overdensity: np.ndarray, grid: Grid, threads: int = 1, resolution: float = 0.0
) -> np.ndarray:
    """Fourier modes of a TSC-painted overdensity, its window divided out.

    Parameters
    ----------
    overdensity : float32, (n, n, n)
    grid : Grid
    threads : int
    resolution : float
        Side of the cube [Mpc/h] within which the painted positions were known, their centre
        painted; its mean effect, a product of sinc(k_i resolution / 2), is divided out too.

    Returns
    -------
    modes : complex64, (n, n, n // 2 + 1), normalised by 1 / n^3
    """
    n = grid.points
    modes = scipy.fft.rfftn(overdensity, workers=threads) / np.float32(overdensity.size)
    # `interlaced=True` is abacusutils' name for the bare window, without an aliasing model.
    window = get_W_compensated(grid.box_size, n, "TSC", interlaced=True)
    window *= np.sinc(grid.wavenumbers() * resolution / (2 * np.pi))
    window = window.astype(np.float32)
    modes /= window[:, None, None] * window[:, None] * window[: n // 2 + 1]
    return modes


def write_spectra(
    prediction: str | Path,
    halos: str | Path,
    matter: str | Path,
    k_max: float,
    output: str | Path,
    threads: int = 1,
    **attributes,
) -> None:
    """Compare a model field with the halo field of a box.

    Parameters
    ----------
    prediction, matter : zarr stores of ``write_fields``
    halos : zarr store of ``write_halos``
    k_max : float
        Largest wavenumber [h/Mpc].
    output : path
        NetCDF over (member, k): ``power_model`` and ``power_error`` (of model minus halos), both
        less the particles' sampling noise; ``power_cross`` (model x halos), ``power_model_matter``,
        ``power_halo``, ``power_halo_matter``; ``shot_noise``; and the ratios ``power_ratio`` =
        P_model / P_halo, ``cross_ratio`` = P_cross / P_halo, ``matter_cross_ratio`` =
        P_model,matter / P_halo,matter, ``correlation`` r = P_cross / sqrt(P_model P_halo),
        ``error_over_shot`` = P_error / shot noise.
    threads : int
    """
    model_store = open_store(prediction)
    members = list(model_store.attrs["members"])
    grid = Grid(model_store.sizes["x"], model_store.attrs["box_size"])
    shells = Shells(grid, shell_edges(grid, k_max))
    halo_field, shot_noise = paint_halos(halos, grid, threads)
    halo = field_modes(halo_field, grid, threads)
    matter_store = open_store(matter)
    resolution = matter_store.attrs["resolution"]
    mass = field_modes(matter_store["overdensity"][0].values, grid, threads, resolution)
    p_halo = shells.power(halo)
    p_halo_matter = shells.power(halo, mass)
    rows = {name: [] for name in ("model", "error", "cross", "model_matter")}
    for member in range(len(members)):
        field = model_store["overdensity"][member].values
        model = field_modes(field, grid, threads, resolution)
        noise = float(model_store["sampling_noise"][member])
        rows["model"].append(shells.power(model) - noise)
        rows["cross"].append(shells.power(model, halo))
        with_matter = float(model_store["sampling_noise_with_matter"][member])
        rows["model_matter"].append(shells.power(model, mass) - with_matter)
        rows["error"].append(shells.power(model - halo) - noise)
    rows = {name: np.array(values) for name, values in rows.items()}
    both, volume = ("member", "k"), {"units": "(Mpc/h)^3"}
    write_netcdf(
        xr.Dataset(
            {f"power_{name}": (both, values, volume) for name, values in rows.items()}
            | {
                "power_halo": ("k", p_halo, volume),
                "power_halo_matter": ("k", p_halo_matter, volume),
                "modes": ("k", shells.modes),
                "shot_noise": ((), shot_noise, volume),
                "mean_ratio": ("member", model_store["mean_ratio"].values),
                "power_ratio": (both, rows["model"] / p_halo),
                "cross_ratio": (both, rows["cross"] / p_halo),
                "matter_cross_ratio": (both, rows["model_matter"] / p_halo_matter),
                "correlation": (both, rows["cross"] / np.sqrt(rows["model"] * p_halo)),
                "error_over_shot": (both, rows["error"] / shot_noise),
            },
            coords={"member": members, "k": ("k", shells.k, {"units": "h/Mpc"})},
            attrs=provenance(box_size=grid.box_size, **attributes),
        ),
        output,
    )


def in_band(spectra: xr.Dataset, k_min: float, k_max: float) -> xr.Dataset:
    """The shells of k_min <= k < k_max."""
    return spectra.sel(k=spectra["k"][(spectra["k"] >= k_min) & (spectra["k"] < k_max)])


def band_average(spectra: xr.Dataset, numerator: str, denominator: str, k_min: float, k_max: float):
    """Ratio of two spectra summed over the modes of k_min <= k < k_max, per member.

    Returns
    -------
    float64, (member,); NaN where the band holds no shell
    """
    band = in_band(spectra, k_min, k_max)
    return (
        ((band[numerator] * band["modes"]).sum("k") / (band[denominator] * band["modes"]).sum("k"))
        .broadcast_like(spectra["member"])
        .values
    )

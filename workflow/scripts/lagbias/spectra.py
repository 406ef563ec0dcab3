"""Evaluation: spectra of model, halo and matter fields and what is made of them.

Fields are painted with triangular-shaped clouds, whose window is divided out. Modes are summed
in shells by numpy's ``bincount``: abacusutils' counting, to which a test compares it, compiles for
several seconds in every process (numba refuses to keep it) and sums in float32.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.special
import xarray as xr
from abacusnbody.analysis.power_spectrum import get_W_compensated

from lagbias.grids import Grid
from lagbias.mesh import paint_halos
from lagbias.stores import open_store, provenance, write_netcdf
from lagbias.threads import usable

# Bands of wavenumbers [h/Mpc]: the paper's claim is at k < 0.1; halos' structure begins beyond.
BANDS = ((0.0, 0.1), (0.0, 0.2), (0.1, 0.3))
# What is averaged over a band: sums of the first over those of the second.
AVERAGES = {
    "power_ratio": ("power_model", "power_halo"),
    "cross_ratio": ("power_cross", "power_halo"),
    "matter_cross_ratio": ("power_model_matter", "power_halo_matter"),
    "error_over_shot": ("error_over_shot", "one"),
}
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

    def only(self, modes: np.ndarray, shell: int) -> np.ndarray:
        """The modes of one shell, zero elsewhere, (n, n, n // 2 + 1)."""
        return np.where(self._shell == shell + 1, modes, modes.dtype.type(0))

    def power(
        self, first: np.ndarray, second: np.ndarray | None = None, multipole: int = 0
    ) -> np.ndarray:
        """Auto or cross power, V (2 l + 1) <L_l(k_z / k) Re(first second*)>, summed in float64.

        Parameters
        ----------
        first, second : complex64, (n, n, n // 2 + 1), modes of ``field_modes``
        multipole : int
            Even l of the Legendre polynomial in the cosine to the line of sight, which is z.

        Returns
        -------
        float64, (shells,) [(Mpc/h)^3]; NaN where a shell holds no mode
        """
        total = np.zeros(len(self.modes))
        for number, plane in enumerate(first):
            other = plane if second is None else second[number]
            product = plane.real * other.real + plane.imag * other.imag
            total += self._sum(number, product * self._copies * self._legendre(number, multipole))
        with np.errstate(invalid="ignore"):
            return total / self.modes * self.grid.box_size**3

    def _legendre(self, plane: int, multipole: int) -> np.ndarray | float:
        """(2 l + 1) L_l(k_z / k) of a plane's modes (y, z)."""
        if multipole == 0:
            return 1.0
        across, along = self.grid.wavenumbers(), self.grid.half_wavenumbers()
        k = np.sqrt(across[plane] ** 2 + across[:, None] ** 2 + along**2)
        cosine = along / np.where(k > 0, k, 1)
        return (2 * multipole + 1) * scipy.special.eval_legendre(multipole, cosine)


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
    modes = scipy.fft.rfftn(overdensity, workers=usable(threads)) / np.float32(overdensity.size)
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
        ``one_minus_r2`` = 1 - r^2, ``error_over_shot`` = P_error / shot noise. Of model, halos and
        cross, the quadrupole along z as well, and its ratios to the halos': in real space it is
        zero but for the scatter of few modes; sampling noise has none.
    threads : int
    """
    model_store = open_store(prediction)
    grid = Grid(model_store.sizes["x"], model_store.attrs["box_size"])
    shells = Shells(grid, shell_edges(grid, k_max))
    halo_field, shot_noise = paint_halos(halos, grid, threads)
    halo = field_modes(halo_field, grid, threads)
    matter_store = open_store(matter)
    field = matter_store["overdensity"][0].values
    mass = field_modes(field, grid, threads, matter_store.attrs["resolution"])
    of_members = _spectra_of_members(model_store, shells, halo, mass, threads)
    volume = {"units": "(Mpc/h)^3"}
    of_halos = {
        "power_halo": shells.power(halo),
        "power_halo_matter": shells.power(halo, mass),
        "quadrupole_halo": shells.power(halo, multipole=2),
    }
    write_netcdf(
        xr.Dataset(
            {name: (("member", "k"), values, volume) for name, values in of_members.items()}
            | {name: ("k", values, volume) for name, values in of_halos.items()}
            | {
                "modes": ("k", shells.modes),
                "shot_noise": ((), shot_noise, volume),
                "mean_ratio": ("member", model_store["mean_ratio"].values),
            }
            | {
                name: (("member", "k"), values)
                for name, values in _ratios(of_members, of_halos, shot_noise).items()
            },
            coords={
                "member": list(model_store.attrs["members"]),
                "k": ("k", shells.k, {"units": "h/Mpc"}),
            },
            attrs=provenance(box_size=grid.box_size, **attributes),
        ),
        output,
    )


def _spectra_of_members(
    store: xr.Dataset, shells: Shells, halo: np.ndarray, mass: np.ndarray, threads: int
) -> dict[str, np.ndarray]:
    """Spectra of each member of a model with itself, the halos and matter, (member, shells)."""
    rows = []
    for member in range(store.sizes["member"]):
        field = store["overdensity"][member].values
        model = field_modes(field, shells.grid, threads, store.attrs["resolution"])
        noise, with_matter = (
            float(store[name][member]) for name in ("sampling_noise", "sampling_noise_with_matter")
        )
        rows.append(
            {
                "power_model": shells.power(model) - noise,
                "power_error": shells.power(model - halo) - noise,
                "power_cross": shells.power(model, halo),
                "power_model_matter": shells.power(model, mass) - with_matter,
                "quadrupole_model": shells.power(model, multipole=2),
                "quadrupole_cross": shells.power(model, halo, multipole=2),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _ratios(
    members: Mapping[str, np.ndarray], halos: Mapping[str, np.ndarray], shot_noise: float
) -> dict[str, np.ndarray]:
    """Ratios of ``write_spectra``, (member, shells)."""
    correlation = members["power_cross"] / np.sqrt(members["power_model"] * halos["power_halo"])
    return {
        "power_ratio": members["power_model"] / halos["power_halo"],
        "cross_ratio": members["power_cross"] / halos["power_halo"],
        "matter_cross_ratio": members["power_model_matter"] / halos["power_halo_matter"],
        "quadrupole_ratio": members["quadrupole_model"] / halos["quadrupole_halo"],
        "quadrupole_cross_ratio": members["quadrupole_cross"] / halos["quadrupole_halo"],
        "correlation": correlation,
        "one_minus_r2": 1 - correlation**2,
        "error_over_shot": members["power_error"] / shot_noise,
    }


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


def band_quantities(spectra: xr.Dataset) -> dict[str, np.ndarray]:
    """Band averages of one model on one box, ``{quantity}_k{low}-{high}`` of every band.

    ``power_ratio``, ``cross_ratio`` and ``matter_cross_ratio`` are ratios of powers summed over the
    modes of a band, ``one_minus_r2`` is of such sums, ``error_over_shot`` an average over modes.

    Returns
    -------
    dict of float64, (member,); NaN where the band holds no shell
    """
    spectra = spectra.assign(one=xr.ones_like(spectra["modes"], dtype=float))
    values = {}
    for low, high in BANDS:
        found = {
            name: band_average(spectra, numerator, denominator, low, high)
            for name, (numerator, denominator) in AVERAGES.items()
        }
        found["one_minus_r2"] = 1 - found["cross_ratio"] ** 2 / found["power_ratio"]
        values |= {f"{name}_k{low:g}-{high:g}": value for name, value in found.items()}
    return values

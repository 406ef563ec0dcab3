"""Are mini boxes good simulations? Their halo mass function and matter power beside published ones.

    pip install camb colossus
    python benchmarks/mini_boxes.py config/paper_halos.yaml fine_ph000 fine_ph001

Prints two tables. Halos in bins of particles, their number over that of Watson et al. 2013
(arXiv:1212.0095, friends-of-friends), by colossus. And the growth of the matter power, P(k) at the
boxes' redshift over the linear power of their own initial modes, over the same of HMcode-2020
(arXiv:2009.01858), by CAMB: the boxes' own modes, so that few of them do not matter. The boxes must
be there, with their ``linear_power.nc`` and ``matter.zarr``.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.stores import open_store, read_netcdf
from lagbias.fields.grid import Grid
from lagbias.fields.shells import Shells, field_modes
from lagbias.plan.study import Study
from lagbias.simulations.mini.cosmology import cosmology_of, linear_power
from lagbias.simulations.mini.settings import DEFAULT_COSMOLOGY
from lagbias.simulations.sources import open_box

PARTICLES = (20, 30, 50, 70, 100, 150, 300, 1000, 3000, 10_000)
WAVENUMBERS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6)  # h/Mpc
NEUTRINO_MASS = 0.06  # eV, of AbacusSummit's c000


def numbers_of_watson13(mass: np.ndarray, redshift: float, volume: float) -> np.ndarray:
    """Halos in a volume [(Mpc/h)^3] between masses [Msun/h]."""
    from colossus.cosmology import cosmology  # pyright: ignore[reportMissingImports]
    from colossus.lss import mass_function  # pyright: ignore[reportMissingImports]

    of = cosmology_of(DEFAULT_COSMOLOGY)
    wavenumber, power = linear_power(0.0)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        np.savetxt(file, np.log10(np.c_[wavenumber, power]))
        file.flush()
        k, window = np.log(wavenumber), 8 * wavenumber
        window = 3 * (np.sin(window) - window * np.cos(window)) / window**3
        sigma8 = np.sqrt(np.trapezoid(power * wavenumber**3 * window**2 / (2 * np.pi**2), k))
        hubble = of["H0"] / 100
        cosmology.setCosmology(
            "c000", flat=True, H0=of["H0"], Om0=of["Omega_M"], Ob0=of["omega_b"] / hubble**2,
            sigma8=sigma8, ns=of["n_s"], relspecies=False, persistence="r",
        )  # fmt: skip
        fine = np.geomspace(mass[0], mass[-1], 300)
        per_log_mass = mass_function.massFunction(
            fine, redshift, mdef="fof", model="watson13", q_in="M", q_out="dndlnM",
            ps_args={"model": "c000", "path": file.name},
        )  # fmt: skip
    step = np.diff(np.log(fine)) * 0.5 * (per_log_mass[1:] + per_log_mass[:-1])
    return volume * np.diff(np.interp(mass, fine, np.append(0, np.cumsum(step))))


def growth_of_hmcode(wavenumber: np.ndarray, redshift: float) -> np.ndarray:
    """Non-linear over linear power of cold matter."""
    import camb  # pyright: ignore[reportMissingImports]

    of, powers = cosmology_of(DEFAULT_COSMOLOGY), []
    hubble = of["H0"] / 100
    neutrinos = NEUTRINO_MASS / 93.14
    cold = of["Omega_M"] * hubble**2 - of["omega_b"] - neutrinos
    for model in ("NonLinear_none", "NonLinear_pk"):
        settings = camb.set_params(
            H0=of["H0"], ombh2=of["omega_b"], omch2=cold, mnu=NEUTRINO_MASS, ns=of["n_s"],
            As=2.1e-9, NonLinear=model, halofit_version="mead2020", redshifts=[redshift], kmax=20.0,
        )  # fmt: skip
        results = camb.get_results(settings)
        k, _, power = results.get_matter_power_spectrum(
            minkh=1e-3, maxkh=10, npoints=400, var1="delta_nonu", var2="delta_nonu"
        )
        powers.append(np.exp(np.interp(np.log(wavenumber), np.log(k), np.log(power[0]))))
    return powers[1] / powers[0]


def mass_function_table(study: Study, names: list[str]) -> None:
    counts, expected = np.zeros(len(PARTICLES) - 1), 0.0
    mass = 0.0
    for name in names:
        box = open_box(name, **study.planned(name).opened())
        number = box.halos(0)[1]
        counts += np.histogram(number, PARTICLES)[0]
        mass = box.particle_mass * (np.array(PARTICLES) - 0.5)  # N stands for N - 1/2 to N + 1/2
        expected = expected + numbers_of_watson13(mass, box.redshift, box.box_size**3)
    print("| particles | mass, Msun/h | halos | over Watson et al. 2013 |\n|---|---|---|---|")
    for low, high, light, heavy, found, fit in zip(
        PARTICLES, PARTICLES[1:], mass, mass[1:], counts, expected, strict=False
    ):
        error = f" ± {1 / np.sqrt(found) * found / fit:.2f}" if found else ""
        print(
            f"| {low}–{high} | {light:.2g}–{heavy:.2g} | {found:.0f} | {found / fit:.2f}{error} |"
        )


def power_table(study: Study, names: list[str]) -> None:
    rows, grid_of = [], None
    for name in names:
        matter, linear = (
            Path("results") / name / file for file in ("matter.zarr", "linear_power.nc")
        )
        store, initial = open_store(matter), read_netcdf(linear)
        grid_of = Grid(store.sizes["x"], float(store.attrs["box_size"]))
        edges = np.array([0.5 * grid_of.fundamental, *WAVENUMBERS])
        shells = Shells(grid_of, edges)
        modes = field_modes(
            store["overdensity"][0].values, grid_of, resolution=store.attrs["resolution"]
        )
        power = shells.power(modes) - float(store["sampling_noise"][0])
        shell = np.digitize(initial["k"].values, edges) - 1
        variance = np.bincount(
            np.clip(shell, 0, len(edges) - 1), initial["variance"].values, len(edges)
        )[: len(edges) - 1]
        before = variance * grid_of.box_size**3 / shells.modes
        rows.append(power / before / growth_of_hmcode(shells.k, study.redshift(name)))
    ratio, last = np.array(rows), np.array([0.0, *WAVENUMBERS])
    print("\n| k, h/Mpc | growth of the matter power over HMcode-2020 |\n|---|---|")
    for low, high, values in zip(last, last[1:], ratio.T, strict=False):
        error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
        print(f"| {low:g}–{high:g} | {values.mean():.3f}{error} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config")
    parser.add_argument("boxes", nargs="+")
    arguments = parser.parse_args()
    study = Study(yaml.safe_load(Path(arguments.config).read_text(encoding="utf-8")))
    mass_function_table(study, arguments.boxes)
    power_table(study, arguments.boxes)


if __name__ == "__main__":
    main()

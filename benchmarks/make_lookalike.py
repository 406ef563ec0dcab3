"""Write a lookalike of an AbacusSummit box: its size and its formats, with halos of a known f.

    python benchmarks/make_lookalike.py ROOT [--name AbacusLookalike_small_c000_ph000] [--phase 0]

By default that is a small box of AbacusSummit: 500 Mpc/h, a 3 % subsample (1.55e8) of 1728^3
particles, a 576^3 initial density, one file a product. What is true of it:

- the density is Gaussian, of AbacusSummit's linear power;
- particles are displaced by its Zel'dovich field at the redshift of the snapshot, interpolated
  linearly from the density grid;
- halos are drawn from Lagrangian space with a chance in proportion to a known f, `planted_ratio`
  of the density smoothed at `--planted-scale`, and displaced as particles are. Their particle
  numbers are independent of place, so f is also the halo-to-mass ratio;
- the halo files hold the particles of largest f, `--halo-share` of all. No halo lists its own.

Particles pass through in Lagrangian planes, file after file: file k of a product holds the k-th
slab of Lagrangian space. In memory are at most seven float32 density grids (4.6 GB at 576^3), on
disk, beside the tree while it is written, the uncompressed columns of one file a product.
"""

import argparse
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numba
import numpy as np
from abacusnbody.metadata import get_meta
from scipy.interpolate import CubicSpline

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.errors import InputError
from lagbias.base.threads import usable
from lagbias.fields.grid import Grid, InPlaceTransform
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.tree import BoxFiles
from lagbias.simulations.background import CRITICAL_DENSITY
from lagbias.simulations.mini import cosmology, friends

INITIAL_REDSHIFT = 99.0
# Halos of AbacusSummit at z = 0.5: N >= 35, n(> N) as N^-0.9, and 1.7 % as many of N > 100 as
# cubic Mpc/h.
LEAST_HALO, MASS_SLOPE, LARGEST_HALO = 35, 0.9, 50_000


@dataclass(frozen=True)
class Lookalike:
    """What to write.

    Parameters
    ----------
    name : str
        Of the simulation; with `_small_` in it, it lies where small boxes do.
    box_size : float
        [Mpc/h]
    particles_per_side : int
        Of the lattice from which the subsample is drawn; at most 32768.
    density_grid : int
        Points a side of the initial density.
    files : int
        Files a product.
    subsample : float
        Share of the particles that is written.
    phase, seed : int
        All random numbers derive from both.
    redshift : float
    halo_density : float
        Halos with N >= 35 [(Mpc/h)^-3].
    halo_share : float
        Share of the particles that lies in halo files.
    planted_scale : float
        Gaussian smoothing scale [Mpc/h] of the density that f depends on.
    """

    name: str = "AbacusLookalike_small_c000_ph000"
    box_size: float = 500.0
    particles_per_side: int = 1728
    density_grid: int = 576
    files: int = 1
    subsample: float = 0.03
    phase: int = 0
    seed: int = 2022
    redshift: float = 0.5
    halo_density: float = 0.017 * (100 / 35) ** 0.9
    halo_share: float = 0.3
    planted_scale: float = 2.83

    @property
    def grid(self) -> Grid:
        """The grid of the initial density."""
        return Grid(self.density_grid, self.box_size)

    def random(self, purpose: str, number: int) -> np.random.Generator:
        """Random numbers for one purpose in one plane: files and chunks do not change them."""
        return np.random.default_rng([self.seed, self.phase, zlib.crc32(purpose.encode()), number])


def planted_ratio(standardised: np.ndarray) -> np.ndarray:
    """The known f, but for its norm, of delta_R / sigma: log(1 + exp(2 x - 1))."""
    return np.logaddexp(0, 2 * standardised - 1)


def initial_modes(settings: Lookalike, threads: int) -> InPlaceTransform:
    """Modes of the linear density at the redshift of the snapshot, normalised by 1 / n^3."""
    grid = settings.grid
    noise = InPlaceTransform(grid.shape, threads)
    for x, plane in enumerate(noise.field):
        random = settings.random("initial density", x)
        plane[:] = random.standard_normal(plane.shape, dtype=np.float32)
    noise.to_spectrum()
    spectrum = CubicSpline(*np.log(cosmology.linear_power(settings.redshift)))
    for i, k2 in enumerate(squared_wavenumbers(grid)):
        k2[k2 == 0] = np.inf
        power = np.exp(spectrum(0.5 * np.log(np.where(np.isinf(k2), 1.0, k2))))
        power[np.isinf(k2)] = 0
        # White noise of unit variance has modes of variance 1 / n^3, the density P / V.
        noise.spectrum[i] *= np.sqrt(power / grid.spacing**3).astype(np.float32)
    return noise


def squared_wavenumbers(grid: Grid) -> Iterator[np.ndarray]:
    """k^2 on the planes of a spectrum, float64 (n, n // 2 + 1) each [(h/Mpc)^2]."""
    k, last = grid.wavenumbers(), grid.half_wavenumbers()
    for along in k:
        yield along**2 + k[:, None] ** 2 + last**2


def smoothed(modes: np.ndarray, work: InPlaceTransform, grid: Grid, scale: float) -> np.ndarray:
    """The density smoothed with a Gaussian, float32 (n, n, n), in the work space."""
    for i, k2 in enumerate(squared_wavenumbers(grid)):
        work.spectrum[i] = modes[i] * np.exp(-0.5 * k2 * scale**2).astype(np.float32)
    return work.to_field()


def displacement(modes: np.ndarray, work: InPlaceTransform, grid: Grid) -> np.ndarray:
    """Zel'dovich displacement psi = i k / k^2 delta, float32 (3, n, n, n) [Mpc/h]."""
    psi = np.empty((3, *grid.shape), dtype=np.float32)
    odd, odd_last = grid.odd(grid.wavenumbers()), grid.odd(grid.half_wavenumbers())
    for axis in range(3):
        for i, k2 in enumerate(squared_wavenumbers(grid)):
            k2[k2 == 0] = np.inf
            along = (odd[i], odd[:, None], odd_last)[axis]
            work.spectrum[i] = modes[i] * (1j * along / k2).astype(np.complex64)
        psi[axis] = work.to_field()
    return psi


@numba.njit(parallel=True, cache=True)
def displaced_by(psi, lagrangian):
    """Linear interpolation of psi (3, n, n, n) at points (m, 3) in units of grid cells."""
    n = psi.shape[1]
    found = np.zeros((len(lagrangian), 3), dtype=np.float32)
    for p in numba.prange(len(lagrangian)):
        low = np.floor(lagrangian[p])
        rest = lagrangian[p] - low
        for corner in range(8):
            weight = 1.0
            at = np.empty(3, dtype=np.int64)
            for axis in range(3):
                up = (corner >> axis) & 1
                weight *= rest[axis] if up else 1 - rest[axis]
                at[axis] = (int(low[axis]) + up) % n
            for axis in range(3):
                found[p, axis] += weight * psi[axis, at[0], at[1], at[2]]
    return found


@dataclass
class Fields:
    """What particles and halos are made from, on the density grid.

    Attributes
    ----------
    psi : float32, (3, n, n, n) [Mpc/h]
    ratio : float32, (n, n, n)
        The known f, of mean 1.
    """

    psi: np.ndarray
    ratio: np.ndarray

    def moved(self, lagrangian: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Zero-centred final positions and displacements [Mpc/h] of points in grid cells."""
        moved = displaced_by(self.psi, lagrangian)
        start = lagrangian * grid.spacing - grid.box_size / 2
        return friends.wrap(start + moved, grid.box_size), moved


def make_fields(settings: Lookalike, root: Path, header: dict, threads: int) -> Fields:
    """Draw the density, write it as the initial one, and derive the fields."""
    grid = settings.grid
    modes = initial_modes(settings, threads).spectrum
    work = InPlaceTransform(grid.shape, threads)
    work.spectrum[:] = modes
    table = cosmology.growth_table(INITIAL_REDSHIFT, settings.redshift)
    initial = work.to_field()
    initial /= np.float32(table[settings.redshift])
    folder = files_of(settings, root).density.parent
    writer.write_initial_density(folder, header, initial, table)
    density = smoothed(modes, work, grid, settings.planted_scale)
    deviation = np.sqrt(np.mean([np.mean(plane.astype(np.float64) ** 2) for plane in density]))
    ratio = np.empty(grid.shape, dtype=np.float32)
    for x, plane in enumerate(density):
        ratio[x] = planted_ratio(plane / deviation)
    ratio /= np.float32(ratio.mean(dtype=np.float64))
    return Fields(displacement(modes, work, grid), ratio)


def files_of(settings: Lookalike, root: Path) -> BoxFiles:
    """Where the files of the box lie."""
    return BoxFiles.under(root, settings.name, settings.redshift, settings.density_grid)


def header_of(settings: Lookalike) -> dict:
    """Header of all files: AbacusSummit's cosmology, this box's size."""
    meta = get_meta("AbacusSummit_base_c000_ph000", redshift=settings.redshift)
    plain = {key: value for key, value in meta.items() if isinstance(value, int | float | str)}
    cells = (settings.box_size / settings.particles_per_side) ** 3
    return plain | {
        "SimName": settings.name, "SimSet": "LagbiasLookalike",
        "SimComment": "Zel'dovich particles, halos drawn by a known f: no simulation",
        "BoxSize": settings.box_size, "BoxSizeHMpc": settings.box_size,
        "BoxSizeMpc": settings.box_size / (meta["H0"] / 100),
        "NP": settings.particles_per_side**3, "ppd": float(settings.particles_per_side),
        "ParticleMassHMsun": meta["Omega_M"] * CRITICAL_DENSITY * cells,
        "InitialRedshift": INITIAL_REDSHIFT, "Redshift": settings.redshift,
        "VelZSpace_to_kms": meta["VelZSpace_to_kms"] * settings.box_size / meta["BoxSize"],
        "ParticleSubsampleA": settings.subsample, "ParticleSubsampleB": 0.0,
        "MinL1HaloNP": LEAST_HALO, "PlantedScale": settings.planted_scale,
        "Phase": settings.phase, "MasterSeed": settings.seed,
    }  # fmt: skip


def velocity_per_displacement(header: dict) -> float:
    """Proper velocity of a Zel'dovich displacement, a f H [km/s per Mpc/h]."""
    return header["VelZSpace_to_kms"] / header["BoxSize"] * header["f_growth"]


def slab(settings: Lookalike, planes: int, number: int) -> range:
    """Planes of Lagrangian space that a file holds."""
    return range(planes * number // settings.files, planes * (number + 1) // settings.files)


def drawn_particles(settings: Lookalike, x: int) -> np.ndarray:
    """Lattice indices of the subsample in one Lagrangian plane, int64 (n, 3)."""
    side = settings.particles_per_side
    chance = settings.random("subsample", x).random(side**2, dtype=np.float32)
    flat = np.flatnonzero(chance < settings.subsample)
    return np.stack([np.full_like(flat, x), flat // side, flat % side], axis=1)


def write_particle_files(
    settings: Lookalike, folder: Path, header: dict, made: Fields, number: int
) -> int:
    """Write the particle files of one number; returns how many particles there are in them."""
    grid, side = settings.grid, settings.particles_per_side
    # Of every fourth point a side: what is called a halo particle need not be exact.
    threshold = np.quantile(made.ratio[::4, ::4, ::4], 1 - settings.halo_share)
    total = 0
    with tempfile.TemporaryDirectory(dir=folder) as spool:
        for x in slab(settings, side, number):
            index = drawn_particles(settings, x)
            lagrangian = index * (grid.points / side)
            position, moved = made.moved(lagrangian, grid)
            rvint = writer.pack_rvint(
                position, moved * velocity_per_displacement(header), grid.box_size
            )
            packed_pid = writer.pack_pids(index)
            point = np.rint(lagrangian).astype(np.int64) % grid.points
            in_halo = made.ratio[tuple(point.T)] > threshold
            for kind, chosen in (("halo", in_halo), ("field", ~in_halo)):
                append(Path(spool) / f"{kind}_rv_A", rvint[chosen])
                append(Path(spool) / f"{kind}_pid_A", packed_pid[chosen])
            total += len(index)
        for kind in ("halo", "field"):
            # Mapped, not read: the compressor takes a few MiB at a time.
            rvint = mapped(Path(spool) / f"{kind}_rv_A", np.int32)
            packed_pid = mapped(Path(spool) / f"{kind}_pid_A", np.uint64)
            write_file(folder, f"{kind}_rv_A", number, header, {"rvint": rvint.reshape(-1, 3)})
            write_file(folder, f"{kind}_pid_A", number, header, {"packedpid": packed_pid})
    return total


def append(path: Path, values: np.ndarray) -> None:
    """Append the bytes of an array to a file."""
    with open(path, "ab") as file:
        values.tofile(file)


def mapped(path: Path, dtype) -> np.ndarray:
    """What `append` wrote, left on disk; a plain array, for asdf knows no other."""
    return np.asarray(np.memmap(path, dtype=dtype, mode="r"))


def write_file(folder: Path, product: str, number: int, header: dict, columns: dict) -> None:
    """Write one file of a product."""
    path = folder / product / f"{product}_{number:03d}.asdf"
    writer.write_asdf(path, {"data": columns, "header": header})


def drawn_halos(settings: Lookalike, made: Fields, planes: range) -> dict[str, np.ndarray]:
    """Halos of some Lagrangian planes of the density grid: ``x_com``, ``displacement``, ``N``."""
    grid = settings.grid
    lagrangian, numbers = [], []
    for x in planes:
        random = settings.random("halos", x)
        mean = settings.halo_density * grid.spacing**3
        count = random.poisson(mean * made.ratio[x].astype(np.float64)).reshape(-1)
        flat = np.repeat(np.arange(count.size), count)
        point = np.stack([np.full_like(flat, x), flat // grid.points, flat % grid.points], axis=1)
        lagrangian.append(point + random.uniform(-0.5, 0.5, point.shape))
        number = LEAST_HALO * random.uniform(0, 1, len(flat)) ** (-1 / MASS_SLOPE)
        numbers.append(np.minimum(number, LARGEST_HALO).astype(np.int64))
    position, moved = made.moved(np.concatenate(lagrangian), grid)
    return {"x_com": position, "displacement": moved, "N": np.concatenate(numbers)}


def write_halo_files(settings: Lookalike, folder: Path, header: dict, made: Fields) -> int:
    """Write the halo catalogue; returns how many halos there are."""
    parts = [
        drawn_halos(settings, made, slab(settings, settings.density_grid, number))
        for number in range(settings.files)
    ]
    halos = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    starts = np.cumsum([0] + [len(part["N"]) for part in parts[:-1]])
    none = np.zeros(len(halos["N"]))
    columns = {
        "id": np.arange(len(none)), "N": halos["N"], "x_com": halos["x_com"],
        "v_com": halos["displacement"] * velocity_per_displacement(header),
        "npstartA": none, "npoutA": none,
    }  # fmt: skip
    writer.write_halos(folder, header, columns, starts)
    return len(none)


def make_lookalike(settings: Lookalike, root: Path, threads: int = 1) -> dict[str, int]:
    """Write a box; returns how many particles and halos it has.

    Raises
    ------
    InputError
        If something lies where the box shall be, or f is planted below the grid's spacing.
    """
    files, grid = files_of(settings, root), settings.grid
    if files.halos.exists():
        raise InputError(f"{files.halos} is there already: delete it or choose another name")
    if settings.planted_scale < grid.spacing:
        raise InputError(
            f"planted_scale {settings.planted_scale:g} Mpc/h is below the density's spacing "
            f"{grid.spacing:.3g}: use a larger scale or a finer density_grid"
        )
    numba.set_num_threads(usable(threads))
    header = header_of(settings)
    made = make_fields(settings, root, header, threads)
    files.halos.mkdir(parents=True)
    halos = write_halo_files(settings, files.halos, header, made)
    particles = 0
    for number in range(settings.files):
        particles += write_particle_files(settings, files.halos, header, made, number)
    for kind in ("halo", "field"):
        for column in ("rv", "pid"):
            writer.write_checksums(files.halos / f"{kind}_{column}_A")
    return {"particles": particles, "halos": halos}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder of the tree")
    parser.add_argument("--threads", type=int, default=2)
    for field in fields(Lookalike):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=field.type, default=field.default
        )
    options = vars(parser.parse_args())
    root, threads = options.pop("root"), options.pop("threads")
    counts = make_lookalike(Lookalike(**options), root, threads)
    print(f"{options['name']}: {counts['particles']} particles, {counts['halos']} halos in {root}")


if __name__ == "__main__":
    main()

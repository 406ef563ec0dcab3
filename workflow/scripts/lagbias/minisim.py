"""Small, physically real simulations in AbacusSummit's formats, made with PySCo.

PySCo (https://github.com/mianbreton/pysco) is a particle-mesh code. Here it starts from second
order Lagrangian perturbation theory at one of AbacusSummit's cosmologies and its linear power
spectrum; halos are friends-of-friends groups. The products are those of AbacusSummit
(`lagbias.abacus_writer`), so every later step reads a mini box and a published one alike.

Lengths are comoving Mpc/h, velocities proper km/s, masses Msun/h.

What a mini box is not: its halos are not CompaSO's, all of its matter clusters (AbacusSummit
keeps the neutrinos smooth), and its forces end at the mesh cell.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from abacusnbody.metadata import get_meta
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from lagbias import abacus_writer, limits
from lagbias.errors import InputError, RunError
from lagbias.layout import DEFAULT_COSMOLOGY
from lagbias.mini_settings import MiniSimulation, check_mesh_ratio
from lagbias.threads import usable

logger = logging.getLogger(__name__)

# Whose metadata hold a cosmology: parameters, growth and CLASS's linear power spectrum.
COSMOLOGY_SIMULATION = "AbacusSummit_base_{cosmology}_ph000"
# 3 (100 km/s/Mpc)^2 / (8 pi G) in h^2 Msun / Mpc^3
CRITICAL_DENSITY = 2.77536627e11
# The power spectrum handed to PySCo: all wavenumbers [h/Mpc] that a box can have, 0.1 % apart.
WAVENUMBER_RANGE = (1e-5, 60.0)
POWER_TABLE_LENGTH = 16_000
ERROR_TAIL_LINES = 15
# Modules of PySCo's multigrid solvers and of modified gravity, none of which is run here: compiled
# when they are imported, they take half of the time of its first start.
PYSCO_NOT_RUN = ("laplacian", "laplacian_reformulated", "cubic", "quartic", "mond")


class SimulationError(RunError):
    """PySCo failed; the message holds the end of what it said."""


def warm_up(threads: int, workdir: Path | None = None) -> None:
    """Have PySCo compiled, once, so that simulations start at once.

    The first run of PySCo compiles for some 40 CPU seconds; numba keeps the result beside the
    package, or in ``NUMBA_CACHE_DIR``.

    Parameters
    ----------
    threads : int
        Threads to use.
    workdir : Path, optional
        Where the temporary folder is made.

    Raises
    ------
    SimulationError
        If PySCo fails.
    """
    logger.info("compiling PySCo; the first time takes up to a minute")
    tiny = MiniSimulation("warm_up", 16.0, 16, 16, phase=0, master_seed=0)
    _run_pysco(tiny, threads, workdir)


def simulate(
    settings: MiniSimulation, root: Path, threads: int, workdir: Path | None = None
) -> list[Path]:
    """Run a mini simulation and write it as an AbacusSummit tree.

    The same settings give the same bytes on one machine, with one thread or two, once PySCo is
    compiled (`warm_up`); in the run that compiles it, positions differ by 1e-5 Mpc/h.

    Parameters
    ----------
    settings : MiniSimulation
        What to simulate.
    root : Path
        Folder of the tree; written are ``{root}/{name}/halos/z0.500/...`` and
        ``{root}/ic/{name}/...``.
    threads : int
        Threads to use.
    workdir : Path, optional
        Where the temporary folder is made, 60 bytes for each particle; removed at the end.

    Returns
    -------
    list of Path
        The files written, with their lists of checksums.

    Raises
    ------
    SimulationError
        If PySCo fails.
    """
    try:
        check_mesh_ratio(settings)
    except InputError as error:
        logger.warning("%s: %s", settings.name, error)
    root = Path(root)
    overdensity, position, velocity = _run_pysco(settings, threads, workdir)
    header = _header(settings)
    initial_table = growth_table(
        settings.initial_redshift, settings.redshift, cosmology=settings.cosmology
    )
    overdensity *= np.float32(1 / initial_table[settings.redshift])
    ic_folder = root / "ic" / settings.name
    for stale in ic_folder.glob("ic_dens_N*.asdf"):
        stale.unlink()
    paths = abacus_writer.write_initial_density(
        ic_folder,
        header,
        overdensity,
        initial_table,
        _cosmology(settings.cosmology)["CLASS_power_spectrum"],
    )
    del overdensity
    label = friends_of_friends(
        position, settings.box_size, _linking_length(settings), settings.min_halo_particles
    )
    folder = root / settings.name / "halos" / f"z{settings.redshift:.3f}"
    return paths + _write_snapshot(settings, folder, header, position, velocity, label)


def growth_table(
    initial_redshift: float, *redshifts: float, cosmology: str = DEFAULT_COSMOLOGY
) -> dict[float, float]:
    """Abacus's linear growth factors, normalised to 1 at the initial redshift.

    AbacusSummit's table starts at z = 99; redshifts that it does not list come from the
    equation of growth with smooth neutrinos, D'' + (2 + H'/H) D' = 3/2 Omega_m(a) (1 - f) D in
    ln a, f the smooth fraction of matter, joined to the table at z = 99.

    Parameters
    ----------
    initial_redshift : float
        Redshift at which the growth factor is 1.
    *redshifts : float
        Redshifts wanted beside those of the table.
    cosmology : str

    Returns
    -------
    dict
        Growth factor by redshift, in the order of redshift.
    """
    table = dict(_cosmology(cosmology)["GrowthTable"])
    for redshift in (initial_redshift, *redshifts):
        if redshift not in table:
            table[redshift] = float(_growth_solution(cosmology)(-np.log1p(redshift))[0])
    norm = table[initial_redshift]
    return {redshift: table[redshift] / norm for redshift in sorted(table)}


def linear_power(
    redshift: float, cosmology: str = DEFAULT_COSMOLOGY
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear power spectrum of cold matter that AbacusSummit starts from.

    Above 1 h/Mpc the table's steps are 26 %: interpolate in the logarithms.

    Parameters
    ----------
    redshift : float
        Redshift of the spectrum.
    cosmology : str

    Returns
    -------
    wavenumber : float64, (n,) [h/Mpc], n = 7328 for c000
    power : float64, (n,) [(Mpc/h)^3]
    """
    spectrum = _cosmology(cosmology)["CLASS_power_spectrum"]
    class_redshift = _cosmology(cosmology)["CLASS_Redshift"]
    table = growth_table(class_redshift, redshift, cosmology=cosmology)
    power = np.asarray(spectrum["P (Mpc/h)^3"], dtype=np.float64) * table[redshift] ** 2
    return np.asarray(spectrum["k (h/Mpc)"], dtype=np.float64), power


def friends_of_friends(
    position: NDArray[np.floating],
    box_size: float,
    linking_length: float,
    min_particles: int,
) -> NDArray[np.int32]:
    """Group particles that are chained by links shorter than the linking length.

    Parameters
    ----------
    position : float, (n, 3)
        Positions in a periodic box, in [-L/2, L/2] [Mpc/h].
    box_size : float
        Side L of the box [Mpc/h].
    linking_length : float
        Longest link [Mpc/h].
    min_particles : int
        Smallest group kept.

    Returns
    -------
    int32, (n,)
        Number of the group of each particle, groups counted by their first particle, -1 for
        the particles of none.

    Raises
    ------
    InputError
        If there are more links than can be counted.
    """
    wrapped = np.mod(position.astype(np.float64), box_size)
    wrapped[wrapped >= box_size] = 0.0
    tree = cKDTree(wrapped, boxsize=box_size, balanced_tree=False, compact_nodes=False)
    del wrapped
    pairs = tree.query_pairs(linking_length, output_type="ndarray").astype(np.int32)
    del tree
    if len(pairs) > limits.MOST_LINKS:
        raise InputError(
            f"halo finding: found {len(pairs)} links of {len(position)} particles, expected at "
            f"most {limits.MOST_LINKS}; use fewer mini.particles_per_side"
        )
    graph = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])),
        shape=(len(position), len(position)),
    )
    _, component = connected_components(graph, directed=False)
    sizes = np.bincount(component)
    kept = np.flatnonzero(sizes >= min_particles)
    number = np.full(len(sizes), -1, dtype=np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    return number[component]


def halo_properties(
    position: NDArray[np.floating],
    velocity: NDArray[np.floating],
    label: NDArray[np.integer],
    box_size: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Particle number, periodic centre of mass and mean velocity of each halo.

    Parameters
    ----------
    position, velocity : float, (n, 3)
        Zero-centred positions [Mpc/h] and velocities [km/s] of the particles.
    label : int, (n,)
        Halo of each particle, -1 for none; every halo is smaller than half the box.
    box_size : float
        Side of the box [Mpc/h].

    Returns
    -------
    number : int64, (n_halos,)
    centre : float64, (n_halos, 3), in [-L/2, L/2] [Mpc/h]
    mean_velocity : float64, (n_halos, 3) [km/s]
    """
    member = np.flatnonzero(label >= 0)
    halo = label[member]
    number = np.bincount(halo)
    _, first = np.unique(halo, return_index=True)
    centre = np.empty((len(number), 3))
    mean_velocity = np.empty_like(centre)
    for axis in range(3):
        along = position[member, axis].astype(np.float64)
        origin = along[first]
        offset = wrap(along - origin[halo], box_size)
        mean_offset = np.bincount(halo, offset, len(number)) / number
        centre[:, axis] = wrap(origin + mean_offset, box_size)
        mean_velocity[:, axis] = np.bincount(halo, velocity[member, axis], len(number)) / number
    return number, centre, mean_velocity


def wrap(length: NDArray[np.floating], box_size: float) -> NDArray[np.floating]:
    """Bring lengths into [-L/2, L/2] by whole boxes."""
    return length - box_size * np.rint(length / box_size)


@cache
def _cosmology(name: str) -> dict:
    """Parameters, growth table and linear power of one of AbacusSummit's cosmologies."""
    return get_meta(COSMOLOGY_SIMULATION.format(cosmology=name))


def particle_mass(settings: MiniSimulation) -> float:
    """Mass of a particle [Msun/h]; all matter clusters."""
    spacing = settings.box_size / settings.particles_per_side
    return _cosmology(settings.cosmology)["Omega_M"] * CRITICAL_DENSITY * spacing**3


def generator_seed(settings: MiniSimulation, purpose: str) -> np.random.SeedSequence:
    """Seed of the random numbers for one purpose, of a phase and master seed."""
    entropy = [settings.master_seed, zlib.crc32(purpose.encode()), settings.phase]
    return np.random.SeedSequence(entropy)


def _linking_length(settings: MiniSimulation) -> float:
    return settings.linking_length * settings.box_size / settings.particles_per_side


def _dark_energy(cosmology: dict, log_a: float) -> tuple[float, float]:
    """Density of dark energy in units of today's, and its equation of state w, at a given ln a.

    w = w0 + wa (1 - a) (Chevallier & Polarski 2001, Linder 2003).
    """
    w0, wa, past = cosmology["w0"], cosmology["wa"], 1 - np.exp(log_a)
    return np.exp(-3 * ((1 + w0 + wa) * log_a + wa * past)), w0 + wa * past


def _hubble_rate(cosmology: dict, redshift: float) -> float:
    """H(z)/H0 of a flat background without radiation, as in Abacus."""
    omega_m = cosmology["Omega_M"]
    dark, _ = _dark_energy(cosmology, -np.log1p(redshift))
    return float(np.sqrt(omega_m * (1 + redshift) ** 3 + (1 - omega_m) * dark))


@cache
def _growth_solution(name: str) -> Callable[[float], NDArray[np.float64]]:
    """Growth factor and its derivative in ln a, 1 at z = 99, as a function of ln a."""
    cosmology = _cosmology(name)
    omega_m = cosmology["Omega_M"]
    clustering = 1 - cosmology["Omega_Smooth"] / omega_m

    def equation(log_a: float, growth: NDArray) -> list[float]:
        dark, w = _dark_energy(cosmology, log_a)
        omega = omega_m / (omega_m + (1 - omega_m) * np.exp(3 * log_a) * dark)
        slope = -1.5 * (omega + (1 + w) * (1 - omega))  # H'/H
        return [growth[1], 1.5 * omega * clustering * growth[0] - (2 + slope) * growth[1]]

    # The growing mode of an Einstein-de Sitter universe with a smooth part, D ~ a^p.
    exponent = (np.sqrt(1 + 24 * clustering) - 1) / 4

    first, table_start = -np.log(1e5), -np.log(100.0)
    solution = solve_ivp(
        equation, (first, 0.0), [1.0, exponent], rtol=1e-9, atol=0, dense_output=True
    ).sol
    norm = solution(table_start)[0]
    return lambda log_a: solution(log_a) / norm


def _header(settings: MiniSimulation) -> dict[str, object]:
    """Header of all files of a simulation, with the names of AbacusSummit's headers."""
    cosmology = _cosmology(settings.cosmology)
    copied = ("H0", "Omega_M", "Omega_DE", "Omega_K", "w0", "wa", "n_s", "omega_b", "hMpc")
    hubble, scale_factor = cosmology["H0"] / 100, 1 / (1 + settings.redshift)
    rate = _hubble_rate(cosmology, settings.redshift)
    growth, slope = _growth_solution(settings.cosmology)(np.log(scale_factor))
    return {
        **{key: cosmology[key] for key in copied},
        "SimName": settings.name,
        "SimSet": "LagbiasMini",
        "SimComment": f"PySCo particle-mesh run at the AbacusSummit {settings.cosmology} "
        "cosmology, FoF halos",
        "CodeVersion": f"pysco-nbody {version('pysco-nbody')}",
        "CLASS_Redshift": cosmology["CLASS_Redshift"],
        "OutputType": "GroupOutput",
        "BoxSize": float(settings.box_size),
        "BoxSizeHMpc": float(settings.box_size),
        "BoxSizeMpc": float(settings.box_size / hubble),
        "NP": settings.particles_per_side**3,
        "ppd": float(settings.particles_per_side),
        "ParticleMassHMsun": particle_mass(settings),
        "ParticleMassMsun": particle_mass(settings) / hubble,
        # All matter clusters here: the particles carry the neutrinos' mass.
        "Omega_Smooth": 0.0,
        "InitialRedshift": float(settings.initial_redshift),
        "Redshift": float(settings.redshift),
        "FinalRedshift": float(settings.redshift),
        "ScaleFactor": scale_factor,
        "HubbleNow": rate,
        "f_growth": float(slope / growth),
        "VelZSpace_to_kms": 100 * rate * scale_factor * float(settings.box_size),
        "VelZSpace_to_Canonical": scale_factor**2 * rate,
        "LagrangianPTOrder": 2,
        "ParticleSubsampleA": float(settings.subsample),
        "ParticleSubsampleB": 0.0,
        "FoFLinkingLength": float(settings.linking_length),
        "MinL1HaloNP": settings.min_halo_particles,
        "MeshCellsPerSide": settings.mesh,
        "Phase": settings.phase,
        "MasterSeed": settings.master_seed,
    }


def _write_snapshot(
    settings: MiniSimulation,
    folder: Path,
    header: dict[str, object],
    position: NDArray[np.float32],
    velocity: NDArray[np.float32],
    label: NDArray[np.int32],
) -> list[Path]:
    """Write halos, and the subsample of particles in and outside of them."""
    halos, label = _halos_in_file_order(settings, position, velocity, label)
    files = np.arange(settings.files_per_product)
    halo_file = _file_of(halos["x_com"][:, 0], settings)
    halo_starts = np.searchsorted(halo_file, files)

    random = np.random.default_rng(generator_seed(settings, "subsample"))
    drawn = np.flatnonzero(random.random(len(label), dtype=np.float32) < settings.subsample)
    in_halo = drawn[label[drawn] >= 0]
    in_halo = in_halo[np.argsort(label[in_halo], kind="stable")]
    halos["npoutA"] = np.bincount(label[in_halo], minlength=len(halo_file))
    first_particle = np.concatenate([[0], np.cumsum(halos["npoutA"])])
    in_halo_starts = first_particle[halo_starts]
    # Counted within the file, as in AbacusSummit.
    halos["npstartA"] = first_particle[:-1] - in_halo_starts[halo_file]

    field = drawn[label[drawn] < 0]
    field_file = _file_of(position[field, 0], settings)
    field = field[np.argsort(field_file, kind="stable")]
    field_starts = np.searchsorted(np.sort(field_file), files)

    paths = abacus_writer.write_halos(folder, header, halos, halo_starts)
    for kind, chosen, starts in (
        ("halo", in_halo, in_halo_starts),
        ("field", field, field_starts),
    ):
        lattice = (settings.particles_per_side,) * 3
        index = np.stack(np.unravel_index(chosen, lattice), axis=1)
        # The tag of Abacus marks halo cores; here all of a friends-of-friends halo.
        packed = abacus_writer.pack_pids(index, tagged=kind == "halo")
        paths += abacus_writer.write_particles(
            folder, kind, header, position[chosen], velocity[chosen], packed, starts
        )
    return paths


def _halos_in_file_order(
    settings: MiniSimulation,
    position: NDArray[np.float32],
    velocity: NDArray[np.float32],
    label: NDArray[np.int32],
) -> tuple[dict[str, NDArray], NDArray[np.int64]]:
    """Columns of the halo catalogue, file by file, and the particles' labels into it."""
    number, centre, mean_velocity = halo_properties(position, velocity, label, settings.box_size)
    order = np.argsort(_file_of(centre[:, 0], settings), kind="stable")
    halos = {
        "id": np.arange(len(order)),
        "N": number[order],
        "x_com": centre[order],
        "v_com": mean_velocity[order],
    }
    # Label -1, of particles outside halos, picks the last element, which is -1 again.
    place = np.append(np.argsort(order), -1)
    return halos, place[label]


def _file_of(x: NDArray[np.floating], settings: MiniSimulation) -> NDArray[np.int64]:
    """Number of the file in which something at this x is written."""
    count = settings.files_per_product
    number = np.floor((x / settings.box_size + 0.5) * count).astype(np.int64)
    return np.clip(number, 0, count - 1)


def _run_pysco(
    settings: MiniSimulation, threads: int, workdir: Path | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Run PySCo in a process of its own.

    Returns
    -------
    overdensity : float32, (n, n, n)
        Linear overdensity at the snapshot's redshift that displaced the particles.
    position : float32, (n^3, 3)
        Zero-centred positions [Mpc/h], in the order of the Lagrangian lattice.
    velocity : float32, (n^3, 3)
        Proper peculiar velocities [km/s].
    """
    if threads < 1:
        raise InputError(f"threads={threads!r}; expected 1 or more")
    if find_spec("pysco") is None:
        raise SimulationError(
            "PySCo is not installed; run `pip install --no-deps pysco-nbody` beside numba, "
            "scipy, astropy, pandas, h5py and rich"
        )
    if workdir is not None:
        Path(workdir).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workdir, prefix=f"pysco_{settings.name}_") as folder:
        request = Path(folder) / "request.json"
        parameters = _pysco_parameters(settings, Path(folder), threads)
        request.write_text(json.dumps(parameters), encoding="utf-8")
        _call_worker(settings.name, request, threads)
        overdensity = np.load(Path(folder) / "overdensity.npy")
        position = np.load(Path(folder) / "position.npy")
        velocity = np.load(Path(folder) / "velocity.npy")
    return overdensity, position, velocity


def _pysco_parameters(settings: MiniSimulation, folder: Path, threads: int) -> dict[str, object]:
    """PySCo's parameters, and its input spectrum written into the folder."""
    # PySCo interpolates the root of the power linearly, which is 2 % too high between the points
    # of the table above 1 h/Mpc.
    wavenumber = np.geomspace(*WAVENUMBER_RANGE, POWER_TABLE_LENGTH)
    spectrum = CubicSpline(*np.log(linear_power(settings.redshift, settings.cosmology)))
    power_file = folder / "linear_power.txt"
    np.savetxt(power_file, np.c_[wavenumber, np.exp(spectrum(np.log(wavenumber)))])
    cosmology = _cosmology(settings.cosmology)
    seed = generator_seed(settings, "initial density").generate_state(1)[0]
    return {
        "nthreads": usable(threads),
        "theory": "newton",
        "H0": cosmology["H0"],
        "Om_m": cosmology["Omega_M"],
        # Abacus's background has no radiation.
        "T_cmb": 0.0,
        "N_eff": 0.0,
        "w0": cosmology["w0"],
        "wa": cosmology["wa"],
        "boxlen": settings.box_size,
        "ncoarse": settings.mesh.bit_length() - 1,
        "npart": settings.particles_per_side**3,
        "z_start": settings.initial_redshift,
        "z_out": f"[{float(settings.redshift)!r}]",
        "seed": int(seed),
        "initial_conditions": "2LPT",
        # The particle of lattice point (0, 0, 0) starts at the corner, no half cell.
        "position_ICS": "edge",
        "fixed_ICS": False,
        "paired_ICS": False,
        "dealiased_ICS": False,
        "power_spectrum_file": str(power_file),
        "base": str(folder),
        "output_snapshot_format": "HDF5",
        "save_power_spectrum": "no",
        "integrator": "leapfrog",
        # Never reorder: a particle's row is its Lagrangian index.
        "n_reorder": 10**9,
        "mass_scheme": "TSC",
        "Courant_factor": 2.0,
        "max_aexp_stepping": 15,
        "linear_newton_solver": "fft",
        "gradient_stencil_order": 5,
        "Npre": 2,
        "Npost": 1,
        "epsrel": 1e-2,
        "verbose": 1,
    }


def _call_worker(name: str, request: Path, threads: int) -> None:
    """Run `_pysco_worker` on a request file in a fresh interpreter and log what it says."""
    library = str(Path(__file__).resolve().parents[1])
    search_path = [library, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}
    for library_name in ("NUMBA", "OMP", "OPENBLAS", "MKL"):
        environment[f"{library_name}_NUM_THREADS"] = str(usable(threads))
    code = "import sys; from lagbias.minisim import _pysco_worker; _pysco_worker(sys.argv[1])"
    parent_lives, held_open = os.pipe()
    try:
        finished = subprocess.run(
            [sys.executable, "-c", code, str(request)],
            cwd=request.parent,
            env=environment,
            stdin=parent_lives,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    finally:
        os.close(parent_lives)
        os.close(held_open)
    output = finished.stdout.splitlines()
    for line in output:
        logger.debug("PySCo %s: %s", name, line)
    if finished.returncode:
        tail = "\n".join(output[-ERROR_TAIL_LINES:])
        hint = " (killed by a signal, often for want of memory)" if finished.returncode < 0 else ""
        raise SimulationError(
            f"PySCo stopped with exit status {finished.returncode}{hint} on simulation {name!r}; "
            f"its last lines were:\n{tail}"
        )


def _end_with_parent() -> None:
    """End this process when its parent has ended, be it by ``kill -9``: its input ends then."""

    def wait():
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _pysco_worker(request: str) -> None:
    """Make one simulation, in a process of its own, and leave its arrays beside the request.

    PySCo imports its modules as ``utils``, ``mesh``, ...: its folder goes first on the search
    path, before any script of the same name.
    """
    _end_with_parent()
    sys.path.insert(0, find_spec("pysco").submodule_search_locations[0])
    sys.modules.update({name: ModuleType(name) for name in PYSCO_NOT_RUN})
    import cosmotable
    import h5py
    import initial_conditions
    import main
    import pandas as pd

    parameters = json.loads(Path(request).read_text(encoding="utf-8"))
    folder = Path(parameters["base"])
    box_size, redshift = parameters["boxlen"], float(json.loads(parameters["z_out"])[0])

    # PySCo reads the spectrum as that of z = 0 and grows it with its own growth factor. Dividing
    # by that factor gives the wanted linear density at the redshift of the snapshot.
    growth = cosmotable.generate(pd.Series({**parameters, "extra": ""}))[3]
    growth_ratio = float(growth(-np.log1p(redshift)) / growth(0.0))
    wavenumber, power = np.loadtxt(parameters["power_spectrum_file"]).T
    np.savetxt(parameters["power_spectrum_file"], np.c_[wavenumber, power / growth_ratio**2])

    # generate_density() is wrong where pyfftw is installed, the Fourier modes are right.
    modes = initial_conditions.generate_density_fourier(pd.Series(parameters))
    n = len(modes)
    overdensity = np.fft.irfftn(modes[:, :, : n // 2 + 1], s=(n, n, n))
    del modes
    np.save(folder / "overdensity.npy", (overdensity * growth_ratio).astype(np.float32))
    del overdensity

    main.run(parameters)
    (snapshot,) = (folder / "output_00001").glob("particles_*.h5")
    with h5py.File(snapshot) as file:
        position, velocity = file["position"][:], file["velocity"][:]
        to_kms = float(file.attrs["unit_l"] / file.attrs["unit_t"])
    position -= np.float32(0.5)
    position *= np.float32(box_size)
    velocity *= np.float32(to_kms)
    np.save(folder / "position.npy", position)
    np.save(folder / "velocity.npy", velocity)

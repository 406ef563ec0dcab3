"""PySCo, run in a process of its own.

PySCo (https://github.com/mianbreton/pysco) puts modules named ``utils`` and ``mesh`` on the path.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from lagbias.base.errors import InputError, RunError
from lagbias.base.threads import usable
from lagbias.simulations.mini.cosmology import cosmology_of, linear_power
from lagbias.simulations.mini.settings import MiniSimulation

log = logging.getLogger(__name__)

# The power spectrum handed to PySCo: all wavenumbers [h/Mpc] that a box can have, 0.1 % apart.
WAVENUMBER_RANGE = (1e-5, 60.0)
POWER_TABLE_LENGTH = 16_000
ERROR_TAIL_LINES = 15


class SimulationError(RunError):
    """PySCo failed; the message holds the end of what it said."""


def warm_up(threads: int, workdir: Path | None = None) -> None:
    """Have PySCo compiled, once, so that simulations start at once.

    The first run of PySCo compiles for some 20 CPU seconds; numba keeps the result beside the
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
    log.info("compiling PySCo; the first time takes half a minute")
    tiny = MiniSimulation("warm_up", 16.0, 16, 16, phase=0, master_seed=0)
    run_pysco(tiny, threads, workdir)


def generator_seed(settings: MiniSimulation, purpose: str) -> np.random.SeedSequence:
    """Seed of the random numbers for one purpose, of a phase and master seed."""
    entropy = [settings.master_seed, zlib.crc32(purpose.encode()), settings.phase]
    return np.random.SeedSequence(entropy)


def run_pysco(
    settings: MiniSimulation, threads: int, workdir: Path | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Run PySCo in a process of its own.

    Returns
    -------
    overdensity : float32, (m, m, m)
        Linear overdensity at the snapshot's redshift that displaced the particles, at
        ``MiniSimulation.density_points`` points a side.
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
        parameters["density_points"] = settings.density_points
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
    cosmology = cosmology_of(settings.cosmology)
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
    library = str(Path(__file__).resolve().parents[__name__.count(".")])
    search_path = [library, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}
    for library_name in ("NUMBA", "OMP", "OPENBLAS", "MKL"):
        environment[f"{library_name}_NUM_THREADS"] = str(usable(threads))
    worker = _pysco_worker.__name__
    code = f"import sys; from {__name__} import {worker}; {worker}(sys.argv[1])"
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
        log.debug("PySCo %s: %s", name, line)
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


def _compile_when_called() -> None:
    """Have functions compiled as they are called, by the signatures that they are declared with.

    PySCo compiles all of its functions as it is imported, and a run calls few of them. These are
    compiled just as they would have been, so the numbers are the same.
    """
    import numba
    from numba.core.registry import CPUDispatcher

    njit, waiting = numba.njit, {}
    dispatchers: Any = CPUDispatcher

    def njit_when_called(signatures=None, **options):
        if not isinstance(signatures, list):
            return njit(signatures, **options)

        def decorate(function):
            dispatcher = njit(**options)(function)
            waiting[dispatcher] = signatures
            return dispatcher

        return decorate

    def compile_now(dispatcher: CPUDispatcher) -> bool:
        signatures = waiting.pop(dispatcher, [])
        for signature in signatures:
            dispatcher.compile(signature)
        if signatures:
            dispatcher.disable_compile()
        return bool(signatures)

    from_python, from_compiled = dispatchers._compile_for_args, dispatchers.get_call_template

    def called_from_python(dispatcher, *arguments, **named):
        if compile_now(dispatcher):
            return dispatcher  # numba calls what it is given
        return from_python(dispatcher, *arguments, **named)

    def called_from_compiled(dispatcher, types, named):
        compile_now(dispatcher)
        return from_compiled(dispatcher, types, named)

    numba.njit = njit_when_called
    dispatchers._compile_for_args = called_from_python
    dispatchers.get_call_template = called_from_compiled


def _on_points(modes: NDArray[np.complexfloating], points: int) -> NDArray[np.floating]:
    """A real field of Fourier modes at ``points`` a side, without the waves they cannot hold.

    Parameters
    ----------
    modes : complex, (n, n, n)
        Of numpy's ``fftn``, or their half of ``rfftn``.
    points : int
        Even, n or fewer. With n, the field is that of all modes; with fewer, the waves at the new
        Nyquist frequency, of which only one sign would be held, are left out with those beyond.

    Returns
    -------
    float, (points, points, points)
    """
    side, half = len(modes), points // 2
    if points < side:
        kept = np.r_[0:half, side - half : side]
        modes = modes[np.ix_(kept, kept, np.arange(half + 1))] * (points / side) ** 3
        modes[half] = modes[:, half] = modes[:, :, half] = 0
    return np.fft.irfftn(modes[:, :, : half + 1], s=(points,) * 3)


def _pysco_worker(request: str) -> None:
    """Make one simulation, in a process of its own, and leave its arrays beside the request.

    PySCo imports its modules as ``utils``, ``mesh``, ...: its folder goes first on the search
    path, before any script of the same name.
    """
    _end_with_parent()
    pysco: Any = find_spec("pysco")  # `simulate` looked whether it is there
    sys.path.insert(0, pysco.submodule_search_locations[0])
    _compile_when_called()
    import cosmotable  # pyright: ignore[reportMissingImports]
    import h5py
    import initial_conditions  # pyright: ignore[reportMissingImports]
    import main  # pyright: ignore[reportMissingImports]
    import pandas as pd

    parameters = json.loads(Path(request).read_text(encoding="utf-8"))
    folder = Path(parameters["base"])
    box_size, redshift = parameters["boxlen"], float(json.loads(parameters["z_out"])[0])

    # PySCo reads the spectrum as that of z = 0 and grows it with its own growth factor. Dividing
    # by that factor gives the wanted linear density at the redshift of the snapshot.
    background = pd.Series({**parameters, "extra": ""})
    tables = cosmotable.generate(background)
    growth = tables[3]

    def same_tables(param: pd.Series) -> list:
        """What `generate` would make once more, in two seconds, and note in its argument."""
        for name in ("Om_r", "Om_lambda"):
            param[name] = background[name]
        return tables

    cosmotable.generate = same_tables
    growth_ratio = float(growth(-np.log1p(redshift)) / growth(0.0))
    wavenumber, power = np.loadtxt(parameters["power_spectrum_file"]).T
    np.savetxt(parameters["power_spectrum_file"], np.c_[wavenumber, power / growth_ratio**2])

    # generate_density() is wrong where pyfftw is installed, the Fourier modes are right.
    points = parameters.pop("density_points")
    modes = initial_conditions.generate_density_fourier(pd.Series(parameters))
    overdensity = _on_points(modes, points)
    del modes
    np.save(folder / "overdensity.npy", (overdensity * growth_ratio).astype(np.float32))
    del overdensity

    main.run(parameters)
    (snapshot,) = (folder / "output_00001").glob("particles_*.h5")
    with h5py.File(snapshot) as file:
        position, velocity = (np.asarray(file[name]) for name in ("position", "velocity"))
        units: dict[str, Any] = dict(file.attrs)
        to_kms = float(units["unit_l"] / units["unit_t"])
    position -= np.float32(0.5)
    position *= np.float32(box_size)
    velocity *= np.float32(to_kms)
    np.save(folder / "position.npy", position)
    np.save(folder / "velocity.npy", velocity)

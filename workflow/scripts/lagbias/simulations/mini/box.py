"""Small, physically real simulations in AbacusSummit's formats, made with PySCo.

PySCo (https://github.com/mianbreton/pysco) is a particle-mesh code. Here it starts from second
order Lagrangian perturbation theory at one of AbacusSummit's cosmologies and its linear power
spectrum; halos are friends-of-friends groups. The products are those of AbacusSummit
(`lagbias.simulations.abacus.writer`), so every later step reads a mini box and a published one
alike.

Lengths are comoving Mpc/h, velocities proper km/s, masses Msun/h.

What a mini box is not: its halos are not CompaSO's, all of its matter clusters (AbacusSummit
keeps the neutrinos smooth), and its forces end at the mesh cell.
"""

import logging
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lagbias.base.errors import InputError
from lagbias.simulations.abacus.writer import (
    pack_pids,
    write_halos,
    write_initial_density,
    write_particles,
)
from lagbias.simulations.background import CRITICAL_DENSITY
from lagbias.simulations.mini.cosmology import background_of, cosmology_of, growth_table
from lagbias.simulations.mini.friends import friends_of_friends, halo_properties
from lagbias.simulations.mini.pysco import generator_seed, run_pysco
from lagbias.simulations.mini.settings import MiniSimulation, check_mesh_ratio

log = logging.getLogger(__name__)


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
        log.warning("%s: %s", settings.name, error)
    root = Path(root)
    overdensity, position, velocity = run_pysco(settings, threads, workdir)
    header = _header(settings)
    initial_table = growth_table(
        settings.initial_redshift, settings.redshift, cosmology=settings.cosmology
    )
    overdensity *= np.float32(1 / initial_table[settings.redshift])
    ic_folder = root / "ic" / settings.name
    for stale in ic_folder.glob("ic_dens_N*.asdf"):
        stale.unlink()
    paths = write_initial_density(
        ic_folder,
        header,
        overdensity,
        initial_table,
        cosmology_of(settings.cosmology)["CLASS_power_spectrum"],
    )
    del overdensity
    label = friends_of_friends(
        position, settings.box_size, _linking_length(settings), settings.min_halo_particles
    )
    folder = root / settings.name / "halos" / f"z{settings.redshift:.3f}"
    return paths + _write_snapshot(settings, folder, header, position, velocity, label)


def particle_mass(settings: MiniSimulation) -> float:
    """Mass of a particle [Msun/h]; all matter clusters."""
    spacing = settings.box_size / settings.particles_per_side
    return cosmology_of(settings.cosmology)["Omega_M"] * CRITICAL_DENSITY * spacing**3


def _linking_length(settings: MiniSimulation) -> float:
    return settings.linking_length * settings.box_size / settings.particles_per_side


def _header(settings: MiniSimulation) -> dict[str, object]:
    """Header of all files of a simulation, with the names of AbacusSummit's headers."""
    cosmology = cosmology_of(settings.cosmology)
    copied = ("H0", "Omega_M", "Omega_DE", "Omega_K", "w0", "wa", "n_s", "omega_b", "hMpc")
    hubble, scale_factor = cosmology["H0"] / 100, 1 / (1 + settings.redshift)
    background = background_of(settings.cosmology)
    rate = background.hubble_rate(settings.redshift)
    growth, slope = background.growth(np.log(scale_factor))
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
    label: NDArray[np.integer],
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

    paths = write_halos(folder, header, halos, halo_starts)
    for kind, chosen, starts in (
        ("halo", in_halo, in_halo_starts),
        ("field", field, field_starts),
    ):
        lattice = (settings.particles_per_side,) * 3
        index = np.stack(np.unravel_index(chosen, lattice), axis=1)
        # The tag of Abacus marks halo cores; here all of a friends-of-friends halo.
        packed = pack_pids(index, tagged=kind == "halo")
        paths += write_particles(
            folder, kind, header, position[chosen], velocity[chosen], packed, starts
        )
    return paths


def _halos_in_file_order(
    settings: MiniSimulation,
    position: NDArray[np.float32],
    velocity: NDArray[np.float32],
    label: NDArray[np.integer],
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

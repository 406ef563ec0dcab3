"""Galaxies by AbacusHOD: a central where its halo is, satellites on particles of the halo.

The occupation and the drawing are those of abacusutils (Yuan et al. 2022, arXiv:2110.11412),
``abacusnbody.hod.GRAND_HOD``. Its front, ``AbacusHOD``, reads files that its ``prepare_sim`` makes
of AbacusSummit alone. Here it is given halos and their particles as any format tells them, so
occupations depend on the mass of a halo alone: the local density, concentrations and ranks of
particles are not known.

Velocities are along the line of sight, as the displacement v_z / (a H) [Mpc/h].
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from abacusnbody.hod.GRAND_HOD import N_sat_elg, gen_gal_cat, n_sat_LRG_modified

from lagbias.base.errors import InputError
from lagbias.base.seeds import seed_of
from lagbias.halos.selection import Points, write_points
from lagbias.halos.velocities import check_order, displacement
from lagbias.simulations.box import SimulationBox

log = logging.getLogger(__name__)

# What AbacusHOD asks for besides: ranks of particles within their halo, which change nothing at 0.
RANKS = {"s": 0.0, "s_v": 0.0, "s_p": 0.0, "s_r": 0.0}
RANKS_OF_PARTICLES = ("pranks", "pranksv", "pranksp", "pranksr", "pranksc")


class _Chunk(NamedTuple):
    """Particles of halos: positions (n, 3), halos (n,), displacements along z (n,)."""

    position: np.ndarray
    halo: np.ndarray
    moves: np.ndarray


def _members(box: SimulationBox, more_than: int, redshift_space: bool) -> Iterator[_Chunk]:
    """Particles of halos, and how their velocities displace them; 0 in real space."""
    if not redshift_space:
        for place, halo, _ in box.member_positions(more_than):
            yield _Chunk(place, halo, np.zeros(len(place)))
        return
    both = box.member_positions(more_than), box.member_positions(more_than, True)
    for (place, halo, _), (seen, same_halo, _) in zip(*both, strict=True):
        check_order(box, halo, same_halo)
        yield _Chunk(place, halo, displacement(place, seen, box.box_size).astype(np.float64))


def write_galaxies(
    box: SimulationBox,
    tracer: str,
    occupation: Mapping[str, float],
    min_particles: int,
    master_seed: int,
    cell_size: float,
    store: str | Path,
    redshift_space: bool = False,
) -> None:
    """Write the galaxies of ``hod_galaxies`` and their overdensity on cells of a size [Mpc/h].

    Parameters
    ----------
    box, tracer, occupation, min_particles, master_seed, redshift_space
        As of ``hod_galaxies``.
    cell_size : float
        Training cell [Mpc/h].
    store : path of the zarr store, as ``selection.write_points`` writes it

    Raises
    ------
    InputError
        As ``hod_galaxies``.
    """
    galaxies = hod_galaxies(box, tracer, occupation, min_particles, master_seed, redshift_space)
    write_points(box, galaxies, min_particles, cell_size, store, tracer, redshift_space)


def hod_galaxies(
    box: SimulationBox,
    tracer: str,
    occupation: Mapping[str, float],
    min_particles: int,
    master_seed: int,
    redshift_space: bool = False,
) -> Points:
    """Galaxies in the halos with more than ``min_particles`` particles.

    The same galaxies in real and in redshift space. Halos and particles are read two times.

    Parameters
    ----------
    box : SimulationBox
    tracer : str
        ``LRG`` or ``ELG``: the form of the occupation.
    occupation : mapping
        Parameters by AbacusHOD's names; masses in log10 Msun/h.
    min_particles : int
    master_seed : int
    redshift_space : bool
        Whether positions are displaced along z: centrals by v_h + alpha_c sigma g, with g a normal
        number and sigma the dispersion of the halo's particles along z; satellites by
        v_h + alpha_s (v_p - v_h).

    Returns
    -------
    Points
        A galaxy each, of weight 1 and with the particles of its halo; centrals before satellites.

    Raises
    ------
    InputError
        If the format does not tell the particles of halos, or no halo has a galaxy.
    """
    random = np.random.default_rng(seed_of(master_seed, f"{tracer} {box.name}"))
    center, size = box.halos(min_particles)
    moves = np.zeros(len(center))
    if redshift_space:
        seen, _ = box.halos(min_particles, redshift_space=True)
        moves += displacement(center, seen, box.box_size)
    number, square = np.zeros(len(center)), np.zeros(len(center))
    for chunk in _members(box, min_particles, redshift_space):
        number += np.bincount(chunk.halo, minlength=len(center))
        within = (chunk.moves - moves[chunk.halo]) ** 2
        square += np.bincount(chunk.halo, within, minlength=len(center))
    halos = {
        "hpos": center.astype(np.float64), "hvel": _along_z(moves),
        "hmass": size * box.particle_mass, "hid": np.arange(len(center)),
        "hmultis": np.ones(len(center)), "hrandoms": random.random(len(center)),
        "hveldev": _along_z(
            np.sqrt(square / np.maximum(number, 1)) * random.standard_normal(len(center))
        ),
    }  # fmt: skip
    drawn = _Drawing(box, tracer, occupation, halos, redshift_space)
    galaxies = [drawn.centrals()]
    for chunk in _members(box, min_particles, redshift_space):
        galaxies.append(drawn.satellites(chunk, number, random))
    position, halo = (np.concatenate(parts) for parts in zip(*galaxies, strict=True))
    centrals = len(galaxies[0][0])
    if not len(halo):
        raise InputError(
            f"{tracer}: found no galaxy in {len(center)} halos of up to "
            f"{size.max() * box.particle_mass:.3g} Msun/h, expected some; lower {tracer}.logM_cut"
        )
    log.info(
        "%d galaxies in %d halos, %.3g (h/Mpc)^3, %.1f %% satellites", len(halo), len(center),
        len(halo) / box.box_size**3, 100 * (1 - centrals / len(halo)),
    )  # fmt: skip
    drawn.tell_lost_satellites(number)
    return Points(position.astype(np.float32), size[halo], np.ones(len(halo), dtype=np.int64))


def _along_z(values: np.ndarray) -> np.ndarray:
    """Vectors (n, 3) along z."""
    return np.outer(values, [0.0, 0.0, 1.0])


class _Drawing:
    """abacusutils' drawing of one kind of galaxies in the halos of a box."""

    def __init__(
        self,
        box: SimulationBox,
        tracer: str,
        occupation: Mapping[str, float],
        halos: dict[str, np.ndarray],
        redshift_space: bool,
    ) -> None:
        self.tracer, self.halos, self.redshift_space = tracer, halos, redshift_space
        self.occupation = {**RANKS, **{name: float(value) for name, value in occupation.items()}}
        self.box = {
            "z": box.redshift, "Lbox": box.box_size, "Mpart": box.particle_mass, "velz2kms": 1.0,
            "origin": None, "chunk": -1,
        }  # fmt: skip

    def centrals(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (n, 3) and halos (n,) of the centrals."""
        nothing = np.zeros(0)
        none = _Chunk(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), nothing)
        drawn = self._draw(none, nothing, nothing)
        return self._places(drawn, 0, int(drawn["Ncent"]))

    def satellites(
        self, chunk: _Chunk, number: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions (n, 3) and halos (n,) of the satellites among some particles.

        A particle hosts one with a probability of N_sat over the particles of its halo in the
        files.
        """
        drawn = self._draw(chunk, 1 / number[chunk.halo], random.random(len(chunk.halo)))
        return self._places(drawn, int(drawn["Ncent"]), len(drawn["x"]))

    def _places(self, drawn: Mapping[str, Any], start: int, end: int):
        position = np.stack([drawn[axis][start:end] for axis in "xyz"], axis=1)
        return position, drawn["id"][start:end]

    def _draw(self, chunk: _Chunk, share: np.ndarray, random: np.ndarray) -> Mapping[str, Any]:
        halo = chunk.halo
        particles = {
            "ppos": chunk.position.astype(np.float64), "pvel": _along_z(chunk.moves),
            "phvel": self.halos["hvel"][halo], "phmass": self.halos["hmass"][halo],
            "phid": halo, "pinds": halo, "pweights": share, "prandoms": random,
        }  # fmt: skip
        particles |= dict.fromkeys(RANKS_OF_PARTICLES, np.ones(len(halo)))
        # Compiled anew in every job, which takes some 20 s: abacusutils' code cannot be cached.
        return gen_gal_cat(
            self.halos, particles, {self.tracer: self.occupation}, self.box, Nthread=1,
            rsd=self.redshift_space,
        )[self.tracer]  # fmt: skip

    def tell_lost_satellites(self, number: np.ndarray) -> None:
        """Warn of satellites for which halos have too few particles in the files."""
        mean = mean_satellites(self.tracer, self.occupation, self.halos["hmass"])
        lost = np.maximum(mean - number, 0).sum()
        if lost > 0.01 * mean.sum():
            log.warning(
                "%s: %.1f %% of the satellites are lost, of halos with fewer particles in the "
                "files than satellites; take files of more particles or a smaller A_s or alpha",
                self.tracer, 100 * lost / mean.sum(),
            )  # fmt: skip


def mean_satellites(tracer: str, occupation: Mapping[str, float], mass: np.ndarray) -> np.ndarray:
    """Mean number of satellites, without conformity, of halos of these masses [Msun/h]."""
    p = occupation
    cut, first = 10 ** p["logM_cut"], 10 ** p["logM1"]
    if tracer == "LRG":
        fixed = p["logM_cut"], cut, first, p["sigma"], p["alpha"], p["kappa"]
        mean = [n_sat_LRG_modified(m, *fixed) for m in mass]
    else:
        fixed = cut, p["kappa"], first, p["alpha"], p["A_s"]
        mean = [N_sat_elg(m, *fixed) for m in mass]
    return p["ic"] * np.array(mean)

"""Galaxies by AbacusHOD: their numbers, their places and how their velocities displace them."""

import numpy as np
import pytest
from abacusnbody.hod.GRAND_HOD import N_cen_ELG_v1, n_cen_LRG
from lagbias.base.errors import InputError
from lagbias.halos.hod import hod_galaxies, mean_satellites
from lagbias.simulations.box import Members, SimulationBox

pytestmark = pytest.mark.slow  # numba compiles for 20 s

SIDE, HALOS, PARTICLES, SEED = 300.0, 6000, 40, 5
PARTICLE_MASS = 1e10
SIGMAS = 4  # once in 16,000 draws
VELOCITIES = {"alpha_c": 0.0, "alpha_s": 1.0}
LRG = {"logM_cut": 12.8, "logM1": 13.4, "sigma": 0.3, "alpha": 1.1, "kappa": 0.7, "ic": 0.9}
LRG |= VELOCITIES
ELG = {"p_max": 0.4, "Q": 100.0, "logM_cut": 12.0, "sigma": 0.5, "gamma": 4.0, "logM1": 13.2}
ELG |= {"alpha": 0.9, "kappa": 1.0, "A_s": 1.0, "ic": 1.0} | VELOCITIES
OCCUPATIONS = {"LRG": LRG, "ELG": ELG}
FLOAT32 = 1e-4  # Mpc/h


class Halos(SimulationBox):
    """Halos with particles around them; given in two files, a halo's particles in both."""

    name, redshift, box_size, particles_per_side = "halos", 0.5, SIDE, 100
    particle_mass, density_points, files, density_file = PARTICLE_MASS, 100, "files", "density"

    def __init__(self, parts=2, particles=PARTICLES):
        random = np.random.default_rng(1)
        self.parts = parts
        self.center = random.uniform(-SIDE / 2, SIDE / 2, (HALOS, 3)).astype(np.float32)
        self.count = (10 ** random.uniform(2, 4, HALOS)).astype(np.int64)
        self.velocity = random.normal(scale=3, size=HALOS)  # as displacements [Mpc/h]
        self.halo = np.repeat(np.arange(HALOS), particles)
        around = random.normal(scale=0.3, size=(len(self.halo), 3))
        self.place = self.wrapped(self.center[self.halo] + around)
        self.own = random.normal(scale=2, size=len(self.halo))

    @staticmethod
    def wrapped(position):
        return ((position + SIDE / 2) % SIDE - SIDE / 2).astype(np.float32)

    def moved(self, position, by):
        return self.wrapped(position + np.outer(by, [0, 0, 1]))

    def halos(self, more_than=0, redshift_space=False):
        position = self.moved(self.center, self.velocity) if redshift_space else self.center
        return position, self.count

    def member_positions(self, more_than, redshift_space=False):
        place = self.place
        if redshift_space:
            place = self.moved(place, self.velocity[self.halo] + self.own)
        for rows in np.array_split(np.argsort(self.own), self.parts):
            halo = self.halo[rows]
            yield Members(place[rows], halo, self.count[halo])

    of_config = linear_density = particle_chunks = None


Halos.__abstractmethods__ = frozenset()


@pytest.fixture(scope="module")
def box():
    return Halos()


def centrals(box, galaxies):
    """Number of the galaxies that are at the centres of halos; they come before all others."""
    centers = {tuple(x) for x in box.center}
    at_center = np.array([tuple(x) in centers for x in galaxies.position])
    assert (np.diff(at_center.astype(int)) <= 0).all()
    return int(at_center.sum())


def separation(one, two):
    return np.abs((one - two + SIDE / 2) % SIDE - SIDE / 2).max()


@pytest.mark.parametrize("tracer", ["LRG", "ELG"])
def test_numbers_are_the_mean_occupation(box, tracer):
    galaxies = hod_galaxies(box, tracer, OCCUPATIONS[tracer], 50, SEED)
    mass, number = box.count * PARTICLE_MASS, centrals(box, galaxies)
    if tracer == "LRG":
        of_halo = np.array([n_cen_LRG(m, 12.8, 0.3) for m in mass])
    else:
        of_halo = np.array([N_cen_ELG_v1(m, 0.4, 100.0, 12.0, 0.5, 4.0) for m in mass])
    expected = OCCUPATIONS[tracer]["ic"] * of_halo
    scatter = np.sqrt((expected * (1 - expected)).sum())
    assert abs(number - expected.sum()) < SIGMAS * scatter
    satellites = mean_satellites(tracer, OCCUPATIONS[tracer], mass)
    assert satellites.max() < PARTICLES  # none is lost
    excess = len(galaxies.weight) - number - satellites.sum()
    assert abs(excess) < SIGMAS * np.sqrt(satellites.sum())
    assert (galaxies.weight == 1).all()


def test_satellites_are_on_particles_of_halos_of_their_mass(box):
    galaxies = hod_galaxies(box, "LRG", LRG, 50, SEED)
    number = centrals(box, galaxies)
    place = {tuple(x): box.count[halo] for x, halo in zip(box.place, box.halo, strict=True)}
    found = [place[tuple(x)] for x in galaxies.position[number:]]
    np.testing.assert_array_equal(galaxies.particle_count[number:], found)


def test_galaxies_do_not_depend_on_files(box):
    one = hod_galaxies(Halos(parts=1), "LRG", LRG, 50, SEED)
    for alone, both in zip(one, hod_galaxies(box, "LRG", LRG, 50, SEED), strict=True):
        np.testing.assert_array_equal(alone, both)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_satellites_keep_a_share_of_their_particles_velocity(box, share):
    occupation = LRG | {"alpha_s": share}
    real = hod_galaxies(box, "LRG", occupation, 50, SEED)
    seen = hod_galaxies(box, "LRG", occupation, 50, SEED, redshift_space=True)
    number = centrals(box, real)
    np.testing.assert_array_equal(real.particle_count, seen.particle_count)
    row = {tuple(x): row for row, x in enumerate(box.place)}
    rows = np.array([row[tuple(x)] for x in real.position[number:]])
    moves = box.velocity[box.halo[rows]] + share * box.own[rows]
    assert separation(box.moved(box.place[rows], moves), seen.position[number:]) < FLOAT32


def test_centrals_move_with_their_halo_and_by_their_velocity_bias(box):
    real = hod_galaxies(box, "LRG", LRG, 50, SEED)
    number = centrals(box, real)
    row = {tuple(x): row for row, x in enumerate(box.center)}
    rows = np.array([row[tuple(x)] for x in real.position[:number]])
    seen = hod_galaxies(box, "LRG", LRG, 50, SEED, redshift_space=True)
    at_rest = box.moved(box.center[rows], box.velocity[rows])
    assert separation(at_rest, seen.position[:number]) < FLOAT32
    biased = hod_galaxies(box, "LRG", LRG | {"alpha_c": 0.5}, 50, SEED, redshift_space=True)
    off = biased.position[:number, 2] - at_rest[:, 2]
    off = (off + SIDE / 2) % SIDE - SIDE / 2
    # Half of the particles' dispersion of 2 Mpc/h; that of each halo is of 40 particles.
    assert off.std() == pytest.approx(1, abs=SIGMAS / np.sqrt(number))


def test_lost_satellites_are_told(caplog):
    few = Halos(particles=1)
    hod_galaxies(few, "LRG", LRG, 50, SEED)
    assert "of the satellites are lost" in caplog.text


def test_no_galaxy_at_all_is_refused(box):
    with pytest.raises(InputError, match="LRG: found no galaxy in 6000 halos .* LRG.logM_cut"):
        hod_galaxies(box, "LRG", LRG | {"logM_cut": 16.0}, 50, SEED)


def test_particles_in_another_order_in_redshift_space_are_refused():
    class Turned(Halos):
        def member_positions(self, more_than, redshift_space=False):
            for place, halo, count in super().member_positions(more_than, redshift_space):
                turn = slice(None, None, -1 if redshift_space else 1)
                yield Members(place[turn], halo[turn], count[turn])

    with pytest.raises(InputError, match="halos: found particles of files in another order"):
        hod_galaxies(Turned(), "LRG", LRG, 50, SEED, redshift_space=True)

"""What halos count for: their mass, one, or the galaxies that they host."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from abacusnbody.hod.GRAND_HOD import n_cen_LRG, n_sat_LRG_modified
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.halos.catalogue import halo_overdensity, paint_halos
from lagbias.halos.occupation import GalaxyOccupation, galaxies
from lagbias.halos.selection import WEIGHTINGS, write_halos

OCCUPATION = GalaxyOccupation(12.5, 0.3, 12.6, 13.7, 1.1)
BOX = SimpleNamespace(name="box", particle_mass=2.0e11)
GALAXIES = {"master_seed": 3, "log10_m_min": 13.1}
# Sums of many counts deviate by their standard deviation times this once in 16,000 draws.
SIGMAS = 4


def written(planted_box, path, weighting, settings=None, min_particles=50):
    chosen = galaxies(settings) if weighting == "galaxies" else WEIGHTINGS[weighting]
    write_halos(planted_box.opened, min_particles, 6.0, path, chosen)
    return open_store(path)


def test_mean_occupation_is_that_of_abacusutils():
    """Of its LRGs, whose satellites begin at a multiple kappa of the mass of centrals."""
    mass = np.geomspace(1e11, 1e15, 60)
    centrals = [n_cen_LRG(m, 12.5, 0.3 / np.sqrt(2)) for m in mass]
    of_satellites = (12.5, 10**12.5, 10**13.7, 0.3 / np.sqrt(2), 1.1, 10**0.1)
    satellites = [n_sat_LRG_modified(m, *of_satellites) for m in mass]
    # abacusutils writes the root of two with nine digits.
    tolerance = {"rtol": 1e-6, "atol": 1e-12}
    np.testing.assert_allclose(OCCUPATION.centrals(mass), centrals, **tolerance)
    np.testing.assert_allclose(OCCUPATION.satellites(mass), satellites, **tolerance)


def test_drawn_galaxies_have_the_mean_occupation():
    random = np.random.default_rng(2)
    for mass in (10**12.3, 10**12.5, 10**13.2, 10**14.5):
        halos = np.full(40_000, mass)
        number = OCCUPATION.draw(halos, random)
        central, satellite = OCCUPATION.centrals(halos)[0], OCCUPATION.satellites(halos)[0]
        # A Bernoulli and a Poisson number, independent of each other.
        scatter = np.sqrt((central * (1 - central) + satellite) / len(halos))
        assert abs(number.mean() - central - satellite) < SIGMAS * scatter, (mass, number.mean())
        variance = central * (1 - central) + satellite
        assert number.var() == pytest.approx(variance, rel=0.1), mass
        assert number.dtype == np.int64


def test_occupation_follows_the_cut_where_nothing_is_given():
    occupation = GalaxyOccupation.above(1e13)
    assert occupation.centrals(np.array([1e13]))[0] < 0.02  # hardly any galaxy is cut off
    assert occupation.centrals(np.array([10**13.3]))[0] == pytest.approx(0.5)
    assert occupation.satellites(np.array([10**13.3 * 18]))[0] == pytest.approx(1, rel=1e-6)
    given = GalaxyOccupation.above(1e13, log10_m_min=12.0, alpha=0.8)
    assert (given.log10_m_min, given.log10_m_0, given.alpha) == (12.0, 12.0, 0.8)


def test_every_weighting_is_in_the_store_the_field_and_the_shot_noise(planted_box, tmp_path):
    for weighting in ("mass", "number", "galaxies"):
        store = written(planted_box, tmp_path / weighting, weighting, GALAXIES)
        count, weight = store["particle_count"].values, store["weight"].values
        expected = {"mass": count, "number": np.ones_like(count)}.get(weighting)
        if expected is not None:
            np.testing.assert_array_equal(weight, expected)
        else:
            assert weight.max() > 1, np.bincount(weight)
        total = np.zeros((8, 8, 8))
        point = np.rint((store["position"].values / 48 + 0.5) * 8).astype(int) % 8
        np.add.at(total, tuple(point.T), weight)
        field = store["overdensity"].values
        np.testing.assert_allclose(field, total / total.mean() - 1, rtol=1e-6, atol=1e-6)
        painted, shot_noise = paint_halos(tmp_path / weighting, Grid(8, 48.0))
        square = (weight.astype(float) ** 2).sum() / weight.sum() ** 2
        assert shot_noise == pytest.approx(48.0**3 * square, rel=1e-10)
        assert painted.mean() == pytest.approx(0, abs=1e-5)


def test_mass_weighting_is_the_particle_count_to_the_last_bit(planted_box, tmp_path):
    store = written(planted_box, tmp_path / "mass", "mass")
    count = store["particle_count"].values
    np.testing.assert_array_equal(store["weight"].values, count)
    expected = halo_overdensity(store["position"].values, count, Mesh(8, 48.0))
    np.testing.assert_array_equal(store["overdensity"].values, expected)


def test_galaxies_are_the_same_bytes_again_and_others_in_another_box(planted_box, tmp_path):
    one, two = (written(planted_box, tmp_path / name, "galaxies", GALAXIES) for name in "ab")
    np.testing.assert_array_equal(one["weight"], two["weight"])
    count = one["particle_count"].values
    mass = planted_box.opened.particle_mass
    for name, settings in (
        ("other", GALAXIES), (planted_box.opened.name, GALAXIES | {"master_seed": 4})
    ):  # fmt: skip
        box = SimpleNamespace(name=name, particle_mass=mass)
        other = galaxies(settings).weigh(count, box, 50)
        assert (other != one["weight"].values).any(), name


def test_galaxies_without_an_occupation_are_refused(planted_box, tmp_path):
    with pytest.raises(InputError, match="add the section `galaxies` to the config"):
        written(planted_box, tmp_path / "h", "galaxies")
    assert list(tmp_path.iterdir()) == []


def test_no_galaxy_at_all_is_refused(planted_box, tmp_path):
    with pytest.raises(InputError, match="galaxies: none in .* lower galaxies.log10_m_min"):
        written(planted_box, tmp_path / "h", "galaxies", {"master_seed": 1, "log10_m_min": 18.0})


def test_a_cut_that_takes_galaxies_away_is_told(caplog):
    count = np.arange(51, 400)
    with caplog.at_level(logging.WARNING, "lagbias.halos.occupation"):
        galaxies({"master_seed": 1}).weigh(count, BOX, 50)
        assert caplog.records == []
        galaxies({"master_seed": 1, "log10_m_min": 13.0}).weigh(count, BOX, 50)
    assert "the halo cut N > 50 takes galaxies away: 0.50 a halo" in caplog.text

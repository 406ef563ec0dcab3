"""Bispectra, jackknife errors and redshift space against theory and against many realisations."""

import numpy as np
import pytest
import xarray as xr
from conftest import REDSHIFT, gaussian_field
from lagbias.base.stores import append_variable, open_store, read_netcdf, set_attributes
from lagbias.evaluation.estimators import RATIOS, Estimators
from lagbias.evaluation.statistics import WeightedPoints, write_statistics
from lagbias.fields.bispectrum import Triangles
from lagbias.fields.grid import Grid
from lagbias.fields.jackknife import SUB_CUBES, jackknife_error, split_off, sub_cube_of_cells
from lagbias.fields.mesh import Mesh
from lagbias.fields.sampling_noise import sampling_bispectrum
from lagbias.fields.shells import Shells, field_modes, shell_edges
from lagbias.halos.carried import write_fields, write_matter
from lagbias.halos.catalogue import halo_overdensity, paint_halos
from lagbias.halos.indexing import write_particles
from lagbias.halos.selection import write_halos
from lagbias.halos.velocities import Velocities
from lagbias.simulations.abacus.box import AbacusBox
from lagbias.simulations.abacus.reader import read_header
from test_spectra import BOX, full_set, thinned, write_field_store, write_halo_store  # noqa: F401

# TSC aliasing up to half the Nyquist frequency: 0.15 % an axis for white noise, thrice a mode.
ALIASING = 0.01
GRID = Grid(32, 100.0)
EDGES = shell_edges(GRID, 10.0)


def white_modes(random, grid=GRID):
    """Modes of a Gaussian field of power V / n^3."""
    return np.fft.rfftn(random.normal(size=grid.shape)) / grid.points**3


def test_gaussian_field_has_no_bispectrum_but_its_expected_scatter(rng):
    triangles = Triangles(GRID, EDGES)
    power = GRID.box_size**3 / GRID.points**3
    used = triangles.count > 0
    # A triangle's sides may be exchanged within their shell: 6 ways, 2 if one is of another.
    orders = np.array([6, 2])[:, None]
    variance = GRID.box_size**3 * power**3 * orders / np.where(used, triangles.count, np.nan)
    draws = 300
    found = np.array([triangles.bispectrum(white_modes(rng)) for _ in range(draws)])
    pull = found[:, used] / np.sqrt(variance[used])
    # 3000 squares have a scatter of 2.6 %, a little more since they are not of a normal variable.
    assert abs((pull**2).mean() - 1) < 0.12, (pull**2).mean(axis=0)
    assert np.abs(pull.mean(axis=0)).max() < 4 / np.sqrt(draws), pull.mean(axis=0)


def test_quadratic_field_has_the_tree_level_bispectrum(rng):
    """B(k1, k2, k3) = 2 b2 (P1 P2 + P2 P3 + P3 P1) of delta + b2 delta^2, with delta white."""
    b2 = 0.05
    triangles = Triangles(GRID, EDGES)
    used = triangles.count > 0
    # Squares reach twice as far in k: delta ends where they still fit the grid.
    k = np.sqrt(
        GRID.wavenumbers()[:, None, None] ** 2
        + GRID.wavenumbers()[:, None] ** 2
        + GRID.half_wavenumbers() ** 2
    )
    inside = k < 0.66 * np.pi / GRID.spacing
    power = GRID.box_size**3 / GRID.points**3
    found = []
    for _ in range(150):
        delta = np.fft.irfftn(
            white_modes(rng) * inside, s=GRID.shape, axes=(0, 1, 2), norm="forward"
        )
        # The difference of the two signs leaves out the Gaussian field's own scatter.
        pair = [
            triangles.bispectrum(np.fft.rfftn(delta + sign * b2 * delta**2) / delta.size)
            for sign in (1, -1)
        ]
        found.append((pair[0] - pair[1])[used] / 2)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found) - 1)
    expected = 6 * b2 * power**2
    # The next order is smaller by (2 b2 sigma)^2, sigma < 0.8 of the modes that are left.
    tolerance = (2 * b2 * 0.8) ** 2 * expected
    pull = (np.abs(mean - expected) - tolerance) / error
    assert pull.max() < 4.5, (mean / expected, error / expected)
    assert error.max() < 0.3 * expected, "the mean tells the expected value from none"


@pytest.mark.parametrize("weighted", [False, True])
def test_random_points_have_the_poisson_bispectrum(weighted, rng):
    """V^2 sum w^3 / (sum w)^3 and nothing else; the terms that statistics report say so."""
    grid, count, draws = Grid(32, 100.0), 3000, 24
    weight = rng.uniform(0.2, 2, count) ** 2 if weighted else np.ones(count)
    estimators = Estimators(grid, 10.0)
    triangles = estimators.triangles
    used = triangles.count > 0
    found, said = [], []
    for _ in range(draws):
        points = WeightedPoints(rng.uniform(0, 100, (count, 3)).astype(np.float32), weight)
        modes, squared = (
            estimators.modes(points.painted(grid, 1, power=power)) for power in (1, 2)
        )
        found.append(triangles.bispectrum(modes)[used])
        said.append(
            sampling_bispectrum(
                triangles.power_of_sides(squared, modes),
                points.pair_noise(100.0**3), points.triple_noise(100.0**3),
            )[used]
        )  # fmt: skip
    expected = 100.0**6 * (weight**3).sum() / weight.sum() ** 3
    for values in (np.array(found), np.array(said), np.array(found) - said + expected):
        mean, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(draws - 1)
        pull = (np.abs(mean - expected) - ALIASING * expected) / error
        assert pull.max() < 4.5, (mean / expected, error / expected)


def test_particles_left_out_add_to_the_bispectrum_what_is_said(full_set, tmp_path):  # noqa: F811
    """Of 60 random subsamples, less the term for it, the bispectrum is that of all particles."""
    full, ratio = full_set
    random = np.random.default_rng(5)
    triangles = None
    found = {}
    for draw in range(61):
        particles = full if draw == 0 else thinned(full, random, 0.3)
        path = tmp_path / f"{draw}.zarr"
        write_fields(particles, ratio[None], ["mean"], 4.0, path)
        store = open_store(path)
        grid = Grid(store.sizes["x"], BOX)
        triangles = triangles or Triangles(grid, shell_edges(grid, 0.4))
        model, squared = (
            field_modes(field.values, grid, resolution=store.attrs["resolution"])
            for field in (store["overdensity"][0], store["square_overdensity"])
        )
        noise = sampling_bispectrum(
            triangles.power_of_sides(squared, model),
            float(store["sampling_noise"][0]), float(store["sampling_noise_triple"][0]),
        )  # fmt: skip
        found[draw] = triangles.bispectrum(model), noise
    expected, none = found.pop(0)
    used = triangles.count > 0
    # All particles are no sample: their share of all is 1.
    np.testing.assert_array_equal(none[used], 0)
    raw, noise = np.swapaxes(list(found.values()), 0, 1)
    error = (raw - noise).std(axis=0) / np.sqrt(len(raw) - 1)
    # Normalising by a subsample's own sum of f is of the order of the noise over the number of
    # particles, and float32.
    tolerance = 5e-3 * np.abs(expected)
    pull = (np.abs((raw - noise).mean(axis=0) - expected) - tolerance)[used] / error[used]
    assert pull.max() < 4.5, ((raw - noise).mean(axis=0)[used], expected[used], error[used])
    assert (noise.mean(axis=0)[used] / error[used]).max() > 4.5, "the noise would be seen"


def realisations(grid, estimators, random, count):
    """Ratios of many pairs of halo-like and model-like fields, and their jackknife errors."""
    place = sub_cube_of_cells(grid.points)
    for _ in range(count):
        halo = np.expm1(0.5 * gaussian_field(grid.points, random))
        halo = (1 + halo) / (1 + halo).mean() - 1
        model = (halo + 0.3 * gaussian_field(grid.points, random, 0.0)).astype(np.float32)
        halo = halo.astype(np.float32)
        whole = estimators.powers(estimators.modes(model), estimators.modes(halo))
        left = []
        for number in range(SUB_CUBES):
            out = place == number
            parts = [[estimators.modes(f) for f in split_off(g, out)] for g in (model, halo)]
            share = 1 - out.mean()
            without = estimators.powers_without(*parts)
            kept = {name: values / share for name, values in without.items()}
            left.append(estimators.power_ratios(kept, 0.0, 1.0))
        yield (
            estimators.power_ratios(whole, 0.0, 1.0),
            jackknife_error(xr.concat(left, "sub_cube")),
        )


@pytest.mark.slow
def test_jackknife_errors_are_the_scatter_of_many_boxes():
    grid = Grid(24, 120.0)
    estimators = Estimators(grid, 0.6)
    pairs = list(realisations(grid, estimators, np.random.default_rng(9), 60))
    found = xr.concat([pair[0] for pair in pairs], "box")
    errors = xr.concat([pair[1] for pair in pairs], "box")
    for name in RATIOS:
        for kind in (name, f"band_{name}"):
            said = np.sqrt((errors[kind] ** 2).mean("box"))
            quotient = (said / found[kind].std("box", ddof=1)).values
            # 60 boxes know their scatter to 9 %. Neighbouring sub-cubes are not independent: of
            # many such fields, errors of a shell or band come out between 0.8 and 1.8.
            assert np.nanmin(quotient) > 0.7, (kind, quotient)
            assert np.nanmax(quotient) < 2.0, (kind, quotient)
            assert 0.85 < np.nanmean(quotient) < 1.5, (kind, quotient)


@pytest.fixture(scope="module")
def measured_bispectra():
    """A list that grows by one for each bispectrum that is measured."""
    found, bispectrum = [], Triangles.bispectrum
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Triangles, "bispectrum", lambda *args: found.append(0) or bispectrum(*args))
        yield found


@pytest.fixture(scope="module")
def statistics(tmp_path_factory, measured_bispectra):
    """Statistics of models that are the halo field, and one and a half times it, and their file."""
    folder = tmp_path_factory.mktemp("statistics")
    random = np.random.default_rng(4)
    position, number = random.uniform(-40, 40, (3000, 3)), random.integers(50, 500, 3000)
    write_halo_store(folder / "halos", position, number)
    cells = halo_overdensity(position, number, Mesh(16, 80.0))
    append_variable(folder / "halos", "overdensity", cells, ("x", "y", "z"))
    field, _ = paint_halos(folder / "halos", Grid(40, 80.0))
    found = {}
    for noise in (0.0, 50.0):
        store = folder / f"model{noise:g}"
        members = ("seed1", "mean")
        write_field_store(store, [1.5 * field, field], 80.0, members, sampling_noise=noise)
        dims = ("member", "cell_x", "cell_y", "cell_z")
        append_variable(store, "cell_overdensity", np.stack([1.5 * cells, cells]), dims)
        append_variable(store, "square_overdensity", field, ("x", "y", "z"))
        append_variable(store, "sampling_noise_triple", np.full(2, 7 * noise), ("member",))
        set_attributes(store, box_size=80.0, resolution=0.0, members=members)
        measured_bispectra.clear()
        write_statistics(store, folder / "halos", 0.6, folder / "statistics.nc", model="test")
        assert len(measured_bispectra) == 3, "of two members, and once of the halos"
        found[noise] = read_netcdf(folder / "statistics.nc")
    return found


def test_model_that_is_the_halo_field_has_all_its_statistics(statistics):
    found = statistics[0.0]
    used = found["triangles"] > 0
    for member, amplitude in (("mean", 1), ("seed1", 1.5)):
        one = found.sel(member=member)
        for name, expected in (
            ("power_ratio", amplitude**2), ("cross_ratio", amplitude), ("correlation", 1),
            ("cell_variance_ratio", amplitude**2),
        ):  # fmt: skip
            np.testing.assert_allclose(one[name], expected, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(one["one_minus_r2"], 0, atol=1e-5)
        # Float32 fields.
        ratio = one["bispectrum_ratio"].where(used, amplitude**3)
        np.testing.assert_allclose(ratio, amplitude**3, rtol=1e-3)
        np.testing.assert_allclose(
            one["cell_skewness_model"], found["cell_skewness_halo"], rtol=1e-5
        )
    np.testing.assert_allclose(found["power_ratio_jackknife_error"], 0, atol=1e-5)
    assert (found["error_over_shot_jackknife_error"] < 1e-4).all()


def test_sampling_noises_are_taken_off_the_model_only(statistics):
    without, noisy = statistics[0.0], statistics[50.0]
    for name in ("bispectrum_model", "bispectrum_halo", "bispectrum_shot_noise"):
        xr.testing.assert_equal(without[name], noisy[name])
    halo = noisy["bispectrum_halo"]
    taken = (without - noisy)["bispectrum_ratio"] * halo / noisy["bispectrum_sampling_noise"]
    np.testing.assert_allclose(taken.where(noisy["triangles"] > 0, 1), 1, rtol=1e-6)
    change = without["error_over_shot"] - noisy["error_over_shot"]
    shot = noisy["cell_shot_variance"] * noisy["cube_side"] ** 3
    np.testing.assert_allclose(change, 50 / shot[0], rtol=1e-4)
    np.testing.assert_allclose(noisy["cell_sampling_variance"] * noisy["cube_side"] ** 3, 50)


def test_jackknife_of_a_model_with_the_wrong_amplitude_is_of_the_mean(statistics):
    """The mean is the halo field, so that its ratios do not scatter, whatever the seeds do."""
    found = statistics[0.0]
    assert float(found["band_power_ratio"].sel(member="seed1")[1]) > 2
    np.testing.assert_allclose(found["band_power_ratio_jackknife_error"][1:], 0, atol=1e-5)
    assert (found["cell_variance_halo_jackknife_error"] > 0).all()


def test_quadrupole_of_a_kaiser_field_gives_beta_back(rng):
    """P_s = (1 + beta mu^2)^2 P: quadrupole over monopole is Kaiser's (1987), to 2 %."""
    grid, beta = Grid(32, 100.0), 0.5
    shells = Shells(grid, (np.arange(2, 16) + 0.5) * grid.fundamental)
    across, along = grid.wavenumbers(), grid.half_wavenumbers()
    k2 = across[:, None, None] ** 2 + across[:, None] ** 2 + along**2
    factor = 1 + beta * along**2 / np.where(k2 > 0, k2, 1)
    monopole, quadrupole = np.zeros((2, len(shells.k)))
    for _ in range(100):
        modes = white_modes(rng, grid) * factor
        monopole += shells.power(modes)
        quadrupole += shells.power(modes, multipole=2)
    expected = (4 / 3 * beta + 4 / 7 * beta**2) / (1 + 2 / 3 * beta + beta**2 / 5)
    found = (quadrupole * shells.modes).sum() / (monopole * shells.modes).sum()
    # Modes x draws, half of them independent; the quadrupole of each has a scatter of sqrt(5).
    error = np.sqrt(2 * 5 / (100 * shells.modes.sum()))
    assert abs(found - expected) < 4 * error, (found, expected, error)
    assert 4 * error < 0.02 * expected


@pytest.mark.slow
@pytest.mark.parametrize("velocities", [Velocities(None), Velocities(1.2)])
def test_velocities_of_a_real_box_are_those_of_linear_growth(sandbox_files, velocities, tmp_path):
    """delta_s - delta = f mu^2 delta_matter on large scales, f by the header, 10 %.

    Beyond linear theory the ratio falls with k: in this box 0.97 f below 0.05 h/Mpc, 0.88 f below
    0.08. Modes are compared one by one, so that their few numbers do not matter. For halos the
    same f holds, whatever their bias; their shot noise adds some per cent.
    """
    fields = {}
    for displaced in (False, True):
        particles, halos = tmp_path / f"p{displaced}", tmp_path / f"h{displaced}"
        write_particles(
            AbacusBox(sandbox_files, REDSHIFT), 5.0, particles,
            velocities=velocities if displaced else None,
        )  # fmt: skip
        write_halos(AbacusBox(sandbox_files, REDSHIFT), 50, 5.0, halos, redshift_space=displaced)
        write_matter(particles, 5.0, tmp_path / f"m{displaced}")
        store = open_store(tmp_path / f"m{displaced}")
        grid = Grid(store.sizes["x"], store.attrs["box_size"])
        mass = store["overdensity"][0].values
        fields[displaced] = (
            field_modes(mass, grid, resolution=store.attrs["resolution"]),
            field_modes(paint_halos(halos, grid)[0], grid),
        )
    across, along = grid.wavenumbers(), grid.half_wavenumbers()
    k2 = across[:, None, None] ** 2 + across[:, None] ** 2 + along**2
    weight = np.where((k2 > 0) & (k2 < 0.05**2), np.where(along == 0, 1, 2), 0)
    weighted = weight * along**2 / np.where(k2 > 0, k2, 1)
    matter = fields[False][0]
    growth = read_header(sandbox_files.product("halo_info")[0], ("f_growth",))["f_growth"]
    for number, name in enumerate(("matter", "halos")):
        change = fields[True][number] - fields[False][number]
        total = (weighted * (change * matter.conj()).real).sum()
        found = total / (weighted**2 / np.maximum(weight, 1) * np.abs(matter) ** 2).sum()
        assert abs(found / growth - 1) < 0.1, (name, found, growth)

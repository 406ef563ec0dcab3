"""Spectra against closed forms and an independent binning; noises against draws."""

import numpy as np
import pytest
import xarray as xr
from abacusnbody.analysis.power_spectrum import calc_pk_from_deltak, get_W_compensated
from conftest import gaussian_field
from lagbias.base.stores import (
    append_variable,
    open_store,
    read_netcdf,
    set_attributes,
    write_netcdf,
)
from lagbias.evaluation.bands import band_average
from lagbias.evaluation.spectra import write_spectra
from lagbias.fields.grid import Grid
from lagbias.fields.mesh import Mesh
from lagbias.fields.painting import paint
from lagbias.fields.shells import Shells, field_modes, shell_edges, tsc_window
from lagbias.halos.carried import write_fields, write_matter
from lagbias.halos.catalogue import paint_halos
from lagbias.halos.particles import Particles
from lagbias.yardsticks.linear import fit_linear_bias, write_linear_prediction
from scipy.special import jv

# TSC aliasing at half the Nyquist frequency, where shells end: 0.15 % an axis for white noise.
ALIASING = 0.005


def plain_power(first, second, box_size, edges):
    """Shell averages over the full complex cube, in double precision."""
    n = len(first)
    one, two = (np.fft.fftn(field.astype(np.float64)) / field.size for field in (first, second))
    k = 2 * np.pi * np.fft.fftfreq(n, box_size / n)
    window = np.sinc(np.fft.fftfreq(n)) ** 3
    norm = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2).ravel()
    w = (window[:, None, None] * window[:, None] * window).ravel()
    product = (one * two.conj()).real.ravel() / w**2 * box_size**3
    shell = np.digitize(norm, edges) - 1
    shells = len(edges) - 1
    inside = (shell >= 0) & (shell < shells)
    count = np.bincount(shell[inside], minlength=shells)
    return (
        np.bincount(shell[inside], weights=product[inside], minlength=shells) / count,
        np.bincount(shell[inside], weights=norm[inside], minlength=shells) / count,
        count,
    )


@pytest.mark.parametrize("points", [32, 27])
def test_power_equals_a_plain_binning_of_the_full_cube(points, rng):
    grid = Grid(points, 130.0)
    # Beyond the Nyquist wavenumber, where the window is 0.26 along an axis.
    edges = (np.arange(points // 2 + 2) + 0.5) * grid.fundamental
    fields = [gaussian_field(points, rng, slope=-1.0).astype(np.float32) for _ in range(2)]
    fields[1] += 0.5 * fields[0]
    modes = [field_modes(field, grid) for field in fields]
    shells = Shells(grid, edges)
    for second in (0, 1):
        found = shells.power(modes[0], None if second == 0 else modes[1])
        expected, k, count = plain_power(fields[0], fields[second], grid.box_size, edges)
        np.testing.assert_array_equal(shells.modes, count)
        np.testing.assert_allclose(shells.k, k, rtol=1e-12)
        # Float32 transforms.
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6 * abs(expected).max())


@pytest.mark.slow  # abacusutils compiles its counting of modes in every process
def test_power_equals_that_of_abacusutils(rng):
    grid = Grid(40, 200.0)
    shells = Shells(grid, shell_edges(grid, 0.6))
    modes = [field_modes(gaussian_field(40, rng).astype(np.float32), grid) for _ in range(2)]
    theirs = calc_pk_from_deltak(
        modes[0], grid.box_size, shells.edges, np.array([0.0, 1.0]), field2_fft=modes[1], nthread=1
    )
    np.testing.assert_array_equal(shells.modes, theirs["N_mode"])
    np.testing.assert_allclose(shells.k, theirs["k_avg"], rtol=1e-5)
    ours = shells.power(*modes)
    np.testing.assert_allclose(ours, theirs["power"], rtol=2e-5, atol=2e-5 * abs(ours).max())


@pytest.mark.parametrize(("cells", "k_max"), [(80, 0.6), (200, 0.6), (32, 0.05), (100, 99.0)])
def test_shells_are_as_wide_as_said_and_end_where_aliasing_begins(cells, k_max):
    grid = Grid(cells, 200.0)
    edges = shell_edges(grid, k_max)
    assert edges[0] == grid.fundamental / 2
    width = np.diff(edges)
    np.testing.assert_allclose(width, np.maximum(grid.fundamental, 0.12 * edges[:-1]))
    half_nyquist = 0.5 * np.pi * cells / 200.0
    assert edges[-1] <= min(k_max, half_nyquist) or len(edges) == 2, edges
    assert edges[-1] + max(grid.fundamental, 0.12 * edges[-1]) > min(k_max, half_nyquist)


@pytest.mark.parametrize(("points", "box_size"), [(40, 200.0), (96, 123.4), (384, 2000.0)])
def test_window_is_that_of_abacusutils(points, box_size):
    # `interlaced=True` is its name for the bare window, without an aliasing model.
    expected = get_W_compensated(box_size, points, "TSC", interlaced=True)
    np.testing.assert_array_equal(tsc_window(Grid(points, box_size)), expected)


def test_window_is_divided_out_of_particles_moved_by_a_plane_wave():
    # x = q + A sin(k q): the mode k of the density is J_1(k A) exactly; here k is half the mesh's
    # Nyquist wavenumber, where the window of triangular-shaped clouds is 0.9^3 = 0.73.
    grid, mode, amplitude = Grid(16, 64.0), 4, 0.05
    k = mode * grid.fundamental
    q = np.arange(256) / 256 * grid.box_size
    x = (q + amplitude / k * np.sin(k * q)) % grid.box_size
    across = np.arange(16) * grid.spacing
    for axis in range(3):
        axes = [across] * 3
        axes[axis] = x
        position = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        modes = field_modes(paint([(position.astype(np.float32), None)], grid), grid)
        index = [0, 0, 0]
        index[axis] = mode
        # The third harmonic is aliased onto the mode with 1e-4 of it.
        np.testing.assert_allclose(abs(modes[tuple(index)]), jv(1, amplitude), rtol=1e-3)


def test_random_points_have_the_shot_noise_of_their_masses(rng):
    grid = Grid(32, 100.0)
    shells = Shells(grid, shell_edges(grid, 10.0))
    for mass in (np.ones(20_000), rng.pareto(2.5, 20_000) + 1):
        spectra = []
        for _ in range(4):
            position = rng.uniform(0, 100, (len(mass), 3)).astype(np.float32)
            field = paint([(position, mass.astype(np.float32))], grid)
            spectra.append(shells.power(field_modes(field, grid)))
        expected = 100.0**3 * (mass**2).sum() / mass.sum() ** 2
        modes = shells.modes
        mean = sum((power * modes).sum() for power in spectra) / (4 * modes.sum())
        # A mode and its conjugate are one number: half as many are independent.
        error = expected * np.sqrt(2 / (4 * modes.sum()))
        assert abs(mean - expected) < 4 * error + ALIASING * expected, (mean, expected, error)


def write_field_store(path, fields, box_size, members=("mean",), sampling_noise=0.0):
    append_variable(path, "overdensity", np.stack(fields), ("member", "x", "y", "z"), units="1")
    noises = {"sampling_noise": sampling_noise, "sampling_noise_with_matter": 0.0}
    for name, value in ({"mean_ratio": 1.0} | noises).items():
        append_variable(path, name, np.full(len(fields), value), ("member",), units="1")
    set_attributes(path, box_size=box_size, resolution=0.0, members=list(members))


def write_halo_store(path, position, weight):
    """A halo store as of ``write_halos``, as far as spectra read it."""
    append_variable(path, "position", position.astype(np.float32), ("halo", "axis"), units="Mpc/h")
    append_variable(path, "weight", weight, ("halo",), units="1")


@pytest.fixture
def halos(tmp_path, rng):
    path = tmp_path / "halos.zarr"
    write_halo_store(path, rng.uniform(-40, 40, (3000, 3)), rng.integers(50, 500, 3000))
    return path


def test_model_that_is_the_halo_field_is_perfect_and_others_are_not(halos, tmp_path, rng):
    grid = Grid(20, 80.0)
    field, _ = paint_halos(halos, grid)
    noise = gaussian_field(20, rng).astype(np.float32) * field.std()
    models = [field, 1.5 * field, -field, field + noise]
    names = ("same", "biased", "inverted", "noisy")
    write_field_store(tmp_path / "model.zarr", models, 80.0, names)
    matter = 0.5 * field + noise
    write_field_store(tmp_path / "matter.zarr", [matter], 80.0)
    write_spectra(
        tmp_path / "model.zarr", halos, tmp_path / "matter.zarr", 0.4, tmp_path / "spectra.nc"
    )
    found = read_netcdf(tmp_path / "spectra.nc")
    same, biased, inverted, noisy = (found.sel(member=name) for name in names)
    for member, ratio, cross, r in ((same, 1, 1, 1), (biased, 2.25, 1.5, 1), (inverted, 1, -1, -1)):
        np.testing.assert_allclose(member["power_ratio"], ratio, rtol=1e-5)
        np.testing.assert_allclose(member["cross_ratio"], cross, rtol=1e-5)
        np.testing.assert_allclose(member["matter_cross_ratio"], cross, rtol=1e-5)
        np.testing.assert_allclose(member["correlation"], r, rtol=1e-5)
        error = (cross - 1) ** 2 * found["power_halo"]
        np.testing.assert_allclose(member["power_error"], error, rtol=1e-4, atol=1e-6)
    edges = shell_edges(grid, 0.4)
    expected, k, modes = plain_power(noise, noise, 80.0, edges)
    np.testing.assert_allclose(noisy["power_error"], expected, rtol=1e-3)
    np.testing.assert_allclose(found["k"], k, rtol=1e-5)
    np.testing.assert_array_equal(found["modes"], modes)
    cross, _, _ = plain_power(field, matter, 80.0, edges)
    np.testing.assert_allclose(found["power_halo_matter"], cross, rtol=1e-4, atol=0.1)
    weight = open_store(halos)["weight"].values.astype(float)
    shot_noise = 80.0**3 * (weight**2).sum() / weight.sum() ** 2
    np.testing.assert_allclose(found["shot_noise"], shot_noise, rtol=1e-6)
    each_once = noisy["power_error"] * len(weight) / 80.0**3
    np.testing.assert_allclose(noisy["error_over_number_shot"], each_once, rtol=1e-6)
    assert shot_noise > 1.1 * 80.0**3 / len(weight), "the weights are alike"
    np.testing.assert_allclose(
        noisy["error_over_shot"], noisy["power_error"] / shot_noise, rtol=1e-6
    )


def test_sampling_noise_is_taken_off_model_and_error_only(halos, tmp_path):
    field, _ = paint_halos(halos, Grid(20, 80.0))
    found = []
    for noise in (0.0, 30.0):
        path = tmp_path / f"model{noise}.zarr"
        write_field_store(path, [0.9 * field], 80.0, sampling_noise=noise)
        write_spectra(path, halos, path, 0.4, tmp_path / "spectra.nc")
        found.append(read_netcdf(tmp_path / "spectra.nc"))
    for name, lower in (("model", 30), ("error", 30), ("cross", 0)):
        difference = found[0][f"power_{name}"] - found[1][f"power_{name}"]
        np.testing.assert_allclose(difference, lower, atol=1e-2, err_msg=name)


POINTS = 24  # a side of the Lagrangian grid of the particles below
BOX = 48.0


@pytest.fixture(scope="module")
def full_set():
    """A clustered full particle set, one particle a Lagrangian point, and f of a long tail."""
    random = np.random.default_rng(11)
    lattice = np.stack(np.unravel_index(np.arange(POINTS**3), (POINTS,) * 3), axis=1)
    density = gaussian_field(POINTS, random)
    moved = lattice * (BOX / POINTS) + random.normal(0, 1, lattice.shape)
    moved += 2 * density.reshape(-1, 1)  # any correlated displacement does
    mesh = Mesh(8, BOX)
    fine = np.floor(moved / BOX * mesh.cells * mesh.subcells).astype(int)
    fine %= mesh.cells * mesh.subcells
    cell = np.ravel_multi_index((fine // mesh.subcells).T, (mesh.cells,) * 3)
    sub = np.ravel_multi_index((fine % mesh.subcells).T, (mesh.subcells,) * 3)
    final_cell = (cell * mesh.subcells**3 + sub).astype(np.uint32)
    order = np.argsort(final_cell)
    ratio = np.exp(1.2 * density.ravel() + random.normal(0, 0.5, POINTS**3))
    return particles_of(final_cell[order], order.astype(np.uint32), mesh, 1.0), (
        ratio / ratio.mean()
    ).astype(np.float32)


def particles_of(final_cell, index, mesh, share):
    edges = np.arange(mesh.size + 1) * mesh.subcells**3
    return Particles(final_cell, index, np.searchsorted(final_cell, edges), mesh, POINTS, share)


def thinned(full, random, share):
    drawn = random.random(len(full.final_cell)) < share
    return particles_of(full.final_cell[drawn], full.lagrangian_index[drawn], full.mesh, share)


def spectra_of(particles, ratio, halos, folder):
    """The spectra that the library makes of particles carrying f."""
    write_fields(particles, ratio[None], ["mean"], 4.0, folder / "model.zarr")
    ones = np.ones((1, POINTS**3), dtype=np.float32)
    write_fields(particles, ones, ["mean"], 4.0, folder / "matter.zarr")
    write_spectra(folder / "model.zarr", halos, folder / "matter.zarr", 0.4, folder / "spectra.nc")
    return read_netcdf(folder / "spectra.nc").sel(member="mean")


@pytest.fixture(scope="module")
def thinned_spectra(full_set, made_once):
    """Spectra of a full particle set and of 40 random subsamples of 30 % of it."""

    def thin(folder):
        random = np.random.default_rng(12)
        full, ratio = full_set
        heavy = np.argsort(ratio[full.lagrangian_index])[-400:]
        position = (
            np.concatenate([full.positions(slice(p, p + 1)) for p in heavy]) - BOX / 2
        ) % BOX - BOX / 2
        halos = folder / "halos.zarr"
        write_halo_store(halos, position, random.integers(50, 200, 400))
        everything = spectra_of(full, ratio, halos, folder)
        parts = [spectra_of(thinned(full, random, 0.3), ratio, halos, folder) for _ in range(40)]
        write_netcdf(everything.load(), folder / "everything.nc")
        write_netcdf(xr.concat(parts, "draw"), folder / "draws.nc")

    folder = made_once("thinned", thin)
    return tuple(read_netcdf(folder / f"{name}.nc") for name in ("everything", "draws"))


# One more term of the order of the noise over the number of particles: 1e-4, and float32.
THINNING_TOLERANCE = 2e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model", "error", "cross", "model_matter", "halo_matter"])
def test_spectra_of_a_subsample_are_those_of_all_particles_in_the_mean(thinned_spectra, name):
    everything, draws = thinned_spectra
    expected = everything[f"power_{name}"]
    found = draws[f"power_{name}"]
    error = found.std("draw") / np.sqrt(found.sizes["draw"] - 1)
    pull = (abs(found.mean("draw") - expected) - THINNING_TOLERANCE * abs(expected)) / error
    assert float(pull.max()) < 4.5, (
        f"{name}: {found.mean('draw').values} +- {error.values}, all particles {expected.values}"
    )


@pytest.mark.slow
def test_without_its_sampling_noise_a_subsample_would_have_too_much_power(
    thinned_spectra, full_set
):
    everything, draws = thinned_spectra
    _, ratio = full_set
    # (1 - s) V sum f^2 / (sum f)^2 of the subsample, whose sums are s times those of the full set.
    noise = 0.7 / 0.3 * BOX**3 * (ratio.astype(float) ** 2).sum() / ratio.sum(dtype=float) ** 2
    error = draws["power_model"].std("draw") / np.sqrt(draws.sizes["draw"])
    # More than what the test above lets pass, in every shell.
    assert float((noise / error).min()) > 4.5


def test_fields_refuse_a_ratio_on_another_grid(full_set, tmp_path):
    full, _ = full_set
    message = r"/m: f is given on a grid of 10 points a side, expected 24, .*; make features"
    with pytest.raises(ValueError, match=message):
        write_fields(full, np.ones((1, 1000), dtype=np.float32), ["mean"], 4.0, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def write_particle_store(path, particles):
    append_variable(path, "final_cell", particles.final_cell, ("particle",), units="1")
    append_variable(path, "lagrangian_index", particles.lagrangian_index, ("particle",), units="1")
    append_variable(path, "cell_start", particles.cell_start, ("edge",), units="1")
    set_attributes(
        path, cells=particles.mesh.cells, box_size=particles.mesh.box_size,
        subcells=particles.mesh.subcells, density_grid=particles.density_grid,
        sampled_fraction=particles.sampled_fraction,
    )  # fmt: skip


def test_halos_that_are_all_particles_have_bias_one_though_a_share_is_sampled(full_set, tmp_path):
    """Halos of one particle each, all of them: b = 1 whatever share of the matter was sampled."""
    full, _ = full_set
    random = np.random.default_rng(3)
    box_size = full.mesh.box_size
    position = full.positions(slice(None)) - np.float32(box_size / 2)
    append_variable(tmp_path / "h", "position", position, ("halo", "axis"))
    append_variable(tmp_path / "h", "weight", np.ones(len(position)), ("halo",))
    draws = [tmp_path / f"matter{draw}" for draw in range(30)]
    for draw, matter in enumerate(draws):
        write_particle_store(tmp_path / f"p{draw}", thinned(full, random, 0.5))
        write_matter(tmp_path / f"p{draw}", 4.0, matter)
    fit_linear_bias(draws, [tmp_path / "h"] * len(draws), 0.4, tmp_path / "bias.nc")
    bias = float(read_netcdf(tmp_path / "bias.nc")["bias"])
    # Three seeds gave 0.988 to 1.017; without the noise taken off, b comes out as 0.74.
    assert bias == pytest.approx(1, abs=0.04)


def test_linear_prediction_is_bias_times_matter(full_set, tmp_path):
    full, _ = full_set
    write_particle_store(tmp_path / "p.zarr", thinned(full, np.random.default_rng(1), 0.5))
    write_matter(tmp_path / "p.zarr", 4.0, tmp_path / "matter.zarr")
    write_netcdf(xr.Dataset({"bias": ((), 2.0)}), tmp_path / "bias.nc")
    write_linear_prediction(
        tmp_path / "bias.nc", tmp_path / "matter.zarr", tmp_path / "linear.zarr"
    )
    matter, linear = (open_store(tmp_path / name) for name in ("matter.zarr", "linear.zarr"))
    np.testing.assert_allclose(linear["overdensity"], 2 * matter["overdensity"], rtol=1e-6)
    np.testing.assert_allclose(linear["sampling_noise"], 4 * matter["sampling_noise"], rtol=1e-12)


def test_band_average_is_a_ratio_of_sums_over_modes():
    k = np.array([0.02, 0.05, 0.08, 0.2])
    spectra = xr.Dataset(
        {
            "model": (("member", "k"), np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 9.0]])),
            "halo": ("k", np.array([1.0, 1.0, 2.0, 2.0])),
            "modes": ("k", np.array([10, 20, 40, 80])),
        },
        coords={"k": k, "member": ["a", "b"]},
        attrs={"box_size": 50.0},
    )
    found = band_average(spectra, "model", "halo", 0.05, 0.2)
    np.testing.assert_allclose(found, [(2 * 20 + 3 * 40) / (20 + 80), 2 * 160 / 100])
    assert np.isnan(band_average(spectra, "model", "halo", 0.3, 0.4)).all()

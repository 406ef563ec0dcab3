"""Yardsticks: normal equations, quadratic programme, terms, bins, labels."""

from itertools import product

import numpy as np
import pytest
import scipy.optimize
import torch
from conftest import functions_of, plant_box
from lagbias.base.errors import InputError
from lagbias.base.stores import append_variable, open_store, read_netcdf
from lagbias.config.names import FEATURE_KINDS
from lagbias.fields.grid import Grid
from lagbias.halos import indexing, selection
from lagbias.halos.carried import write_fields
from lagbias.halos.occupation import galaxies
from lagbias.halos.particles import Particles
from lagbias.halos.velocities import Velocities
from lagbias.simulations.abacus import writer
from lagbias.simulations.abacus.members import labelled_positions
from lagbias.simulations.abacus.reader import read_halos
from lagbias.training.cells import TrainingBoxes
from lagbias.training.loss import squared_residual
from lagbias.yardsticks import bins as yardstick_bins
from lagbias.yardsticks import lagrangian, least_squares
from lagbias.yardsticks.bins import Bins, density_bin
from lagbias.yardsticks.least_squares import (
    NormalEquations,
    box_equations,
    positive_part,
    solve_free,
    solve_nonnegative,
)
from lagbias.yardsticks.linear import edges_below
from lagbias.yardsticks.polynomial import TERMS, Polynomial
from lagbias.yardsticks.protohalos import write_label_prediction
from scipy.spatial import cKDTree
from zarr.storage import LocalStore

KINDS = ("poly", "bins", "bins-lap", "bins-g2")
FLOAT32 = 2e-4  # the loss of training is summed in float32
CONSTRAINT = 1e-6  # of f >= 0 and <f> = 1, by the specification


def on_planted(kind, stores):
    """A basis on the planted box; bins take its first scale only."""
    features = dict(stores.features)
    if kind != "poly":
        features = {2.0: features[2.0]}
    return functions_of(kind).of_boxes([features]).on(features)


def equations_of(kind, stores, block=2, unbiased=True):
    halo = open_store(stores.halos)["overdensity"].values
    particles = Particles.read(stores.particles)
    return box_equations(on_planted(kind, stores), particles, halo, block, unbiased)


def made_up_equations(rng, functions=6, cubes=200, sampled=1.0):
    """Equations of random sums, positive as of particles in bins; the truth is negative in part."""
    sums = rng.gamma(1.0, size=(cubes, functions))
    truth = np.linspace(-1, 2, functions)
    target = sums @ truth + rng.normal(size=cubes)
    products = sums.T @ sums
    variance = (1 - sampled) * np.linalg.eigvalsh(products)[0]  # the form stays positive
    equations = NormalEquations(
        products, variance * np.eye(functions), sums.T @ target, target @ target,
        sums.sum(0), sums.sum(0) @ truth,
    )  # fmt: skip
    return equations, sums, target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("estimator", ["unbiased", "plain"])
def test_quadratic_form_is_the_loss_that_networks_train_on(kind, estimator, stores, rng):
    """For any coefficients: the loss of all shifted grids of cubes, by the code of the training."""
    block = 2
    particles = Particles.read(stores.particles)
    halo = open_store(stores.halos)["overdensity"].values
    count, cells = len(particles.lagrangian_index), particles.mesh.size
    box = TrainingBoxes(
        [
            {
                "inputs": np.zeros((count, 1)), "multiplicity": np.ones(count),
                "first_half": np.zeros(count), "cell_start": particles.cell_start,
                "per_mean_cell": np.full(cells, cells / count),
                "halo_overdensity": halo.reshape(-1),
                "sampled_fraction": particles.sampled_fraction,
            }
        ]
    )  # fmt: skip
    equations = equations_of(kind, stores, block, estimator == "unbiased")
    coefficients = rng.gamma(1.0, size=len(equations.vector))
    ratio = on_planted(kind, stores).ratio(coefficients)[particles.lagrangian_index]
    shifted = []
    for shift in product(range(block), repeat=3):
        blocks = box.blocks(block, shift)
        rows, lengths = box.rows_of(blocks)
        loss = squared_residual(
            torch.from_numpy(ratio)[rows], box, blocks, rows, lengths, estimator
        )
        shifted.append(float(loss.double().sum()))
    assert equations.loss(coefficients) == pytest.approx(np.mean(shifted), rel=FLOAT32)
    assert equations.mean @ coefficients == pytest.approx(ratio.mean(dtype=np.float64), rel=1e-5)


@pytest.mark.parametrize("kind", ["poly", "bins-lap"])
def test_slabs_of_cells_add_up_to_the_whole(kind, stores, monkeypatch):
    whole = equations_of(kind, stores)
    monkeypatch.setattr(least_squares, "SLAB_NUMBERS", 1)
    in_slabs = equations_of(kind, stores)
    for name in ("products", "variance", "vector", "constant", "total"):
        np.testing.assert_allclose(
            getattr(in_slabs, name), getattr(whole, name), rtol=1e-9, atol=1e-9, err_msg=name
        )


def test_cubes_larger_than_the_box_are_refused(stores):
    with pytest.raises(InputError, match="cubes of 9 cells in a mesh of 8"):
        equations_of("poly", stores, block=9)


def test_free_solution_equals_brute_force_least_squares(rng):
    equations, sums, target = made_up_equations(rng)
    # Eliminate the last coefficient by the constraint, then ordinary least squares.
    mean = equations.mean
    reduced = sums[:, :-1] - np.outer(sums[:, -1], mean[:-1] / mean[-1])
    free, *_ = np.linalg.lstsq(reduced, target - sums[:, -1] / mean[-1])
    expected = np.append(free, (1 - mean[:-1] @ free) / mean[-1])
    np.testing.assert_allclose(solve_free(equations), expected, rtol=1e-6)


@pytest.mark.parametrize("sampled", [1.0, 0.7])
def test_quadratic_programme_equals_a_general_solver(rng, sampled):
    """SLSQP, another algorithm, on the same form; it stops at 1e-6 of the loss."""
    equations, *_ = made_up_equations(rng, sampled=sampled)
    mean = equations.mean
    found = solve_nonnegative(equations)
    general = scipy.optimize.minimize(
        lambda x: equations.loss(x) / equations.constant, np.full(len(mean), 1 / mean.sum()),
        bounds=[(0, None)] * len(mean), method="SLSQP", options={"ftol": 1e-12, "maxiter": 1000},
        constraints={"type": "eq", "fun": lambda x: mean @ x - 1},
    )  # fmt: skip
    assert (found == 0).any(), f"no active bound, nothing is tested: {found}"
    assert found.min() >= 0
    assert mean @ found == pytest.approx(1, abs=CONSTRAINT)
    assert equations.loss(found) <= equations.loss(general.x) + 1e-6 * equations.constant
    np.testing.assert_allclose(found, general.x, atol=1e-3 * found.max())


@pytest.mark.parametrize("kind", ["bins", "bins-lap", "bins-g2"])
def test_binned_f_is_not_negative_and_one_in_the_mean(kind, stores):
    equations = equations_of(kind, stores)
    values = on_planted(kind, stores).basis.solve(equations)
    assert values.min() >= 0, values
    particles = Particles.read(stores.particles)
    ratio = on_planted(kind, stores).ratio(values)[particles.lagrangian_index]
    assert equations.mean @ values == pytest.approx(1, abs=CONSTRAINT)
    assert ratio.mean(dtype=np.float64) == pytest.approx(1, abs=CONSTRAINT)


def test_polynomial_f_is_one_in_the_mean(stores):
    equations = equations_of("poly", stores)
    assert equations.mean @ solve_free(equations) == pytest.approx(1, abs=1e-9)


def test_sampling_variance_is_taken_off_whole_where_the_sums_exceed_it(rng):
    sums = rng.normal(size=(50, 4))
    products, variance = sums.T @ sums, 0.3 * np.diag(rng.random(4))
    np.testing.assert_allclose(positive_part(products, variance), products - variance, rtol=1e-6)


def test_form_stays_positive_where_few_particles_decide(rng):
    """Two bins that are only ever met together, by one particle each: P - V is not positive."""
    products, variance = np.ones((2, 2)) + 0.01 * np.eye(2), 0.9 * np.eye(2)
    assert np.linalg.eigvalsh(products - variance)[0] < 0
    positive = positive_part(products, variance)
    assert np.linalg.eigvalsh(positive)[0] > 0, positive
    scale = np.diag([3.0, 0.2])
    rescaled = positive_part(scale @ products @ scale, scale @ variance @ scale)
    np.testing.assert_allclose(rescaled, scale @ positive @ scale, rtol=1e-6)


def test_terms_of_the_polynomial_are_those_of_its_formula(stores):
    on_box = on_planted("poly", stores)
    basis, store = on_box.basis, open_store(stores.features[4.0])
    delta, shear, laplacian = (
        store[name].values.astype(np.float64).reshape(-1) for name in ("delta", "g2", "laplacian")
    )
    coefficients = np.zeros(len(basis))
    coefficients[0] = 1
    coefficients[1 + len(TERMS) :] = b1, b2, b_shear, b_laplacian = 1.3, 0.7, -0.4, -2.0
    expected = (
        1 + b1 * delta + b2 * (delta**2 - (delta**2).mean())
        + b_shear * (shear - shear.mean()) + b_laplacian * laplacian
    )  # fmt: skip
    np.testing.assert_allclose(on_box.ratio(coefficients), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["poly", "bins", "bins-lap"])
def test_chunks_of_features_are_read_once_and_change_no_bit(kind, stores, tmp_path, monkeypatch):
    """Parts of 1000 points begin within chunks of 1728."""
    monkeypatch.setattr("lagbias.yardsticks.polynomial.SLAB_POINTS", 1000)
    monkeypatch.setattr("lagbias.base.stores.CHUNK_BYTES", 3 * 4 * 24**2)
    whole, chunked = on_planted(kind, stores), {}
    for scale, path in stores.features.items():
        chunked[scale] = tmp_path / f"R{scale:g}.zarr"
        for name in FEATURE_KINDS:
            field = open_store(path)[name]
            append_variable(chunked[scale], name, field.values, field.dims, **field.attrs)
    in_chunks = whole.basis.on(chunked)
    read, get = [], LocalStore.get

    def counting(self, key, *args, **kwargs):
        if "/c/" in key:
            read.append(f"{self.root}/{key}")
        return get(self, key, *args, **kwargs)

    monkeypatch.setattr(LocalStore, "get", counting)
    multiplicity = np.arange(24**3) % 5
    found = in_chunks.moments(multiplicity)
    features = {"poly": 6, "bins": 1, "bins-lap": 2}[kind]
    assert len(read) == len(set(read)) == features * 8
    for one, other in zip(found, whole.moments(multiplicity), strict=True):
        np.testing.assert_array_equal(one, other)
    coefficients = np.linspace(-1, 1, len(whole))
    ratio = whole.ratio(coefficients)
    np.testing.assert_array_equal(in_chunks.ratio(coefficients), ratio)
    particles = Particles.read(stores.particles)
    np.testing.assert_array_equal(
        lagrangian.density_response(in_chunks, chunked, coefficients, particles),
        lagrangian.density_response(whole, stores.features, coefficients, particles),
    )


def test_values_outside_the_bins_fall_into_the_end_bins():
    edges = np.linspace(-4, 5, 41)
    assert density_bin(np.array([-1e9, -4.5, -4, -3.9, 4.9, 5, 5.5, 1e9])).tolist() == (
        [0, 0, 0, 0, 39, 39, 39, 39]
    )
    inside = 0.5 * (edges[1:] + edges[:-1])
    np.testing.assert_array_equal(density_bin(inside), np.arange(40))
    np.testing.assert_array_equal(density_bin(edges[1:-1]), np.arange(1, 40))


@pytest.mark.parametrize("kind", ["bins-lap", "bins-g2"])
def test_second_bins_hold_their_share_of_each_density_bin(kind, stores):
    bins = on_planted(kind, stores)
    shares = np.diff(yardstick_bins.PERCENTILES[bins.basis.second]) / 100
    counts = np.bincount(bins.number, minlength=len(bins)).reshape(bins.basis.shape)
    total = counts.sum(axis=1, keepdims=True)
    assert counts.shape == (40, 5)
    # An edge at a percentile of n points is off by at most one point at either end of a bin.
    assert (np.abs(counts - total * shares) <= 2).all(), counts


def test_empty_bin_takes_the_nearest_density_with_particles():
    bins = Bins(2.0, 1.0, "g2", np.zeros((40, 1)))
    counts = np.zeros((40, 2), dtype=int)
    counts[[10, 20], 0] = 5
    counts[30, 1] = 1
    values = np.zeros((40, 2))
    values[10, 0], values[20, 0], values[30, 1] = 1.0, 2.0, 7.0
    filled = bins.filled(values.reshape(-1), counts.reshape(-1)).reshape(40, 2)
    assert (filled[:16, 0] == 1).all()  # a tie goes to the lower density
    assert (filled[16:, 0] == 2).all()
    assert (filled[:, 1] == 7).all()


def test_sums_of_plain_bins_count_every_particle(stores):
    particles = Particles.read(stores.particles)
    sums = on_planted("bins", stores).cell_sums(particles, np.arange(particles.mesh.cells))
    np.testing.assert_array_equal(sums.sum(axis=-1).reshape(-1), np.diff(particles.cell_start))


@pytest.mark.parametrize("model", ["poly-R2-R4", "bins-R2", "bins-lap-R2"])
def test_fit_is_read_back_as_it_was_written(model, stores, tmp_path):
    features = {2.0: stores.features[2.0]} if "bins" in model else stores.features
    path = tmp_path / "coefficients.nc"
    functions = functions_of(model)
    lagrangian.fit_lagrangian_bias(
        functions, model, [features], [stores.particles], [stores.halos], 2, "unbiased", path
    )
    kind = model.partition("-R")[0]
    expected = on_planted(kind, stores)
    equations = equations_of(kind, stores)
    values = expected.basis.solve(equations)
    basis, found = functions.from_dataset(read_netcdf(path))
    np.testing.assert_allclose(found, values, rtol=1e-12)
    np.testing.assert_array_equal(basis.on(features).ratio(found), expected.ratio(values))
    data = read_netcdf(path)
    particles = Particles.read(stores.particles)
    carried = expected.ratio(values)[particles.lagrangian_index]
    assert float(data["negative_share"]) == pytest.approx((carried < 0).mean())
    assert float(data["particles_of_delta"].sum()) == len(carried)
    assert np.isnan(data["standard_error"]).all()  # one box tells no scatter


def test_polynomial_responds_to_long_waves_by_the_sums_of_its_coefficients(stores, tmp_path):
    """Against differences of <f> over a long wave, written out by hand."""
    path = tmp_path / "coefficients.nc"
    boxes = [stores.features], [stores.particles], [stores.halos]
    lagrangian.fit_lagrangian_bias(Polynomial, "poly-R2-R4", *boxes, 2, "unbiased", path)
    data = read_netcdf(path)
    coefficient = data["coefficient"]

    def mean_ratio(wave):  # all but these two terms average to zero
        delta, squared = (coefficient.sel(term=term).sum() for term in ("delta", "delta_squared"))
        return float(1 + delta * wave + squared * wave**2)

    step = 0.1
    up, down = mean_ratio(step), mean_ratio(-step)
    expected = [(up - down) / (2 * step), (up + down - 2) / step**2]
    np.testing.assert_allclose(data["biases"].sel(bias=["b1", "b2"]), expected, rtol=1e-9)
    shear = float(coefficient.sel(term="g2").sum())
    assert float(data["biases"].sel(bias="b_shear")) == pytest.approx(shear)
    assert np.isnan(data["biases_error"]).all()  # one box tells no scatter


def test_two_boxes_tell_the_scatter_and_the_same_box_twice_tells_none(stores):
    equations = equations_of("poly", stores)
    basis = on_planted("poly", stores).basis
    left_out = lagrangian.left_out_coefficients(basis, [equations, equations])
    errors = lagrangian.jackknife_errors(left_out)
    np.testing.assert_allclose(errors, 0, atol=1e-9)


def test_halos_on_another_mesh_are_refused(stores, planted_box, tmp_path):
    other = tmp_path / "halos.zarr"
    selection.write_halos(planted_box.opened, 50, 8.0, other)
    with pytest.raises(InputError, match="halos.zarr has 6 points a side, .* counts 8"):
        lagrangian.read_box(stores.features, stores.particles, other)


@pytest.fixture
def labelled_box(tmp_path):
    """A box whose halos own known ranges of the halo particles, in two files."""
    box = plant_box(tmp_path, "AbacusLabelled_small_c000_ph000", halos=30)
    count = np.where(np.arange(30) % 3 == 0, 0, 7)
    # Ranges begin again in the second file (halos 10 to 29), and leave particles between them.
    start = np.concatenate([np.arange(10) * 20, np.arange(20) * 30 + 5])
    columns = {
        "id": np.arange(30), "N": box.particle_count, "x_com": box.halo_position,
        "v_com": np.zeros((30, 3)), "npstartA": start, "npoutA": count,
    }  # fmt: skip
    writer.write_halos(box.files.halos, box.header, columns, [0, 10])
    of_halos = box.position[6000:]  # the writer puts 500 of them into the first file
    first = start + np.where(np.arange(30) < 10, 0, 500)
    above = box.particle_count > 40
    owned = [
        of_halos[f : f + n] for f, n, kept in zip(first, count, above, strict=True) if kept and n
    ]
    assert 0 < above.sum() < 30
    return box, np.concatenate(owned)


def test_labelled_particles_are_those_of_halos_above_the_cut(labelled_box):
    box, expected = labelled_box
    found = np.concatenate([position for position, *_ in labelled_positions(box.files, 40)])
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_labels_of_another_space_than_the_particles_are_refused(labelled_box, tmp_path):
    box, _ = labelled_box
    particles, halos = tmp_path / "particles.zarr", tmp_path / "halos.zarr"
    indexing.write_particles(box.opened, 6.0, particles)
    selection.write_halos(box.opened, 40, 6.0, halos)
    with pytest.raises(InputError, match="has redshift_space = False; expected both of one space"):
        write_label_prediction(
            box.opened, particles, halos, 3.0, tmp_path / "labels.zarr", velocities=Velocities(3.0)
        )
    assert not (tmp_path / "labels.zarr").exists()


def test_labels_move_with_their_halos(labelled_box, tmp_path):
    """Halos that do not move: the field is that of real space."""
    box, _ = labelled_box
    particles, halos = tmp_path / "particles.zarr", tmp_path / "halos.zarr"
    fields = []
    for velocities in (None, Velocities(3.0)):
        indexing.write_particles(box.opened, 6.0, particles, velocities=velocities)
        selection.write_halos(box.opened, 40, 6.0, halos, redshift_space=velocities is not None)
        store = tmp_path / "labels.zarr"
        write_label_prediction(box.opened, particles, halos, 3.0, store, velocities=velocities)
        fields.append(open_store(store)["overdensity"].values)
    np.testing.assert_array_equal(*fields)


@pytest.mark.parametrize("weighting", ["mass", "number", "galaxies"])
def test_label_field_is_that_of_a_ratio_of_shares_and_zeros(labelled_box, weighting, tmp_path):
    """Painted by the code of all models from f = w / N or 0 at each particle's lattice point."""
    box, owned = labelled_box
    particles, halos = tmp_path / "particles.zarr", tmp_path / "halos.zarr"
    indexing.write_particles(box.opened, 6.0, particles)
    drawn = galaxies({"master_seed": 1, "log10_m_min": 12.9})
    weightings = selection.WEIGHTINGS | {drawn.name: drawn}
    selection.write_halos(box.opened, 40, 6.0, halos, weightings[weighting])
    write_label_prediction(box.opened, particles, halos, 3.0, tmp_path / "labels.zarr")
    weight = open_store(halos)["weight"].values
    above = np.flatnonzero(box.particle_count > 40)  # in the order of the files
    share = np.repeat(weight / box.particle_count[above], np.where(above % 3 == 0, 0, 7))
    assert len(share) == len(owned)
    distance = np.abs(box.position[:, None] - owned).max(axis=-1)
    own = np.flatnonzero(distance.min(axis=1) == 0)
    ratio = np.zeros((1, box.header["NP"]), dtype=np.float32)
    point = np.ravel_multi_index(box.lagrangian_index[own].T, (24,) * 3)
    ratio[0, point] = share[distance[own].argmin(axis=1)]
    assert (ratio[0, point] == 1).all() == (weighting == "mass")
    write_fields(Particles.read(particles), ratio, ["mean"], 3.0, tmp_path / "expected.zarr")
    found, expected = (open_store(tmp_path / f"{name}.zarr") for name in ("labels", "expected"))
    np.testing.assert_allclose(found["overdensity"], expected["overdensity"], atol=1e-3)
    for name in ("sampling_noise", "sampling_noise_with_matter"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, err_msg=name)


def test_halos_that_point_past_their_particles_are_refused(labelled_box):
    box, _ = labelled_box
    columns = {
        "id": np.arange(30), "N": box.particle_count, "x_com": box.halo_position,
        "v_com": np.zeros((30, 3)), "npstartA": np.arange(30) * 100, "npoutA": np.full(30, 7),
    }  # fmt: skip
    writer.write_halos(box.files.halos, box.header, columns, [0, 10])
    with pytest.raises(InputError, match="points to particle .* which holds 500"):
        list(labelled_positions(box.files, 40))


def test_labels_of_halos_of_another_box_are_refused(labelled_box, planted_box, tmp_path):
    box, _ = labelled_box
    particles, halos = tmp_path / "particles.zarr", tmp_path / "halos.zarr"
    indexing.write_particles(box.opened, 6.0, particles)
    selection.write_halos(planted_box.opened, 40, 6.0, halos)
    with pytest.raises(InputError, match="has not the halos of .*: expected those of one box"):
        write_label_prediction(box.opened, particles, halos, 3.0, tmp_path / "labels.zarr")


def test_labels_of_a_real_box_lie_about_its_halos(sandbox_files):
    """30 % of the particles are on disk; as many of the halos' are labelled, and lie about them."""
    min_particles = 100
    found = labelled_positions(sandbox_files, min_particles)
    labelled = np.concatenate([position for position, *_ in found])
    position, count, header = read_halos(sandbox_files.halos)
    above = count > min_particles
    sampled = len(labelled) / count[above].sum()
    assert sampled == pytest.approx(0.3, abs=0.01)
    size = header["BoxSize"]
    tree = cKDTree((position[above] + size / 2) % size, boxsize=size)
    distance, _ = tree.query((labelled + size / 2) % size)
    # Particles of a halo of 1e15 Msun/h, the largest, are within 3 Mpc/h of its centre.
    assert np.quantile(distance, 0.99) < 3, np.quantile(distance, [0.5, 0.99])


def test_cut_that_labels_nothing_is_refused(labelled_box, tmp_path):
    box, _ = labelled_box
    particles, halos = tmp_path / "particles.zarr", tmp_path / "halos.zarr"
    indexing.write_particles(box.opened, 6.0, particles)
    cut = np.sort(box.particle_count)[-2]  # of one halo, which owns no particle
    selection.write_halos(box.opened, int(cut), 6.0, halos)
    with pytest.raises(InputError, match=f"no particle in halos with N > {cut}"):
        write_label_prediction(box.opened, particles, halos, 3.0, tmp_path / "labels.zarr")


def test_linear_bias_is_of_shells_that_end_below_its_limit():
    edges = edges_below(Grid(64, 200.0), 0.1)
    assert edges[-1] <= 0.1
    assert len(edges) == 3
    with pytest.raises(InputError, match="linear_k_max: found 0.1 .*ends at 0.188: use more"):
        edges_below(Grid(16, 50.0), 0.1)

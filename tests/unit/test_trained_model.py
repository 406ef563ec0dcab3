"""f of a density and painted halos: as the workflow's prediction, bit for bit; refusals."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace

import lagbias
import numpy as np
import pytest
import torch
from conftest import ROOT, made_up_model
from lagbias.base.errors import InputError
from lagbias.base.stores import open_store
from lagbias.evaluation.prediction import occupied, write_prediction
from lagbias.features.smoothed import SmoothedFeatures
from lagbias.halos.particles import Particles
from lagbias.model.differentiable import TorchFeatures
from lagbias.model.seen import OutOfRange, inputs_seen
from lagbias.model.trained import TrainedModel
from lagbias.projection.projection import Projection

BOX_SIZE = 48.0

# The planted box has points beyond the range of those that hold its particles.
pytestmark = pytest.mark.filterwarnings("ignore::lagbias.model.seen.OutOfRange")


@pytest.fixture
def model(model_file) -> TrainedModel:
    return lagbias.load(model_file)


@pytest.fixture
def density(planted_box) -> np.ndarray:
    return planted_box.linear_density


@pytest.fixture
def prediction(stores, tmp_path):
    """The workflow's prediction of the same networks, as its rule writes it."""
    weights = {}
    for seed, network in made_up_model(stores).networks.items():
        weights[seed] = tmp_path / f"seed{seed}.pt"
        network.save(weights[seed])
    store = tmp_path / "prediction.zarr"
    write_prediction(weights, stores.projection, stores.features, stores.particles, 3.0, store)
    return open_store(store)


def test_halos_are_those_of_the_workflow_bit_for_bit(model, density, stores, prediction):
    particles = Particles.read(stores.particles)
    where = occupied(particles).reshape(density.shape)
    assert 0 < where.mean() < 1
    carried = particles.positions(slice(None)), particles.lagrangian_index
    members = prediction["overdensity"].values
    for found, expected in zip(
        [*model.ratio(density, BOX_SIZE, seeds=True, where=where),
         model.ratio(density, BOX_SIZE, where=where)],
        members, strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(model.paint(found, *carried, grid=16), expected)


def test_f_where_it_is_not_wanted_is_zero_and_elsewhere_the_same(model, density, rng):
    where = rng.random(density.shape) < 0.3
    everywhere, some = model.ratio(density, BOX_SIZE), model.ratio(density, BOX_SIZE, where=where)
    assert not some[~where].any()
    # The last rows of a product of matrices may be summed in another order.
    np.testing.assert_allclose(some[where], everywhere[where], rtol=1e-6)


def test_the_model_stays_where_it_is_when_f_is_evaluated_on_a_device(model, density, monkeypatch):
    """Torch's device without memory stands for a GPU; what is written after f needs the weights."""
    used = []

    def ratio_by_slab(networks, *_):
        used.extend(networks)
        return iter(())

    monkeypatch.setattr("lagbias.model.trained.device_of", torch.device)
    monkeypatch.setattr("lagbias.model.trained.ratio_by_slab", ratio_by_slab)
    model.ratio(density, BOX_SIZE, device="meta")
    assert {network.device.type for network in used} == {"meta"}
    assert {network.device.type for network in model.file.networks.values()} == {"cpu"}


def test_f_is_the_mean_over_seeds(model, density):
    seeds = model.ratio(density, BOX_SIZE, seeds=True)
    assert seeds.shape == (2, 24, 24, 24)
    assert seeds.dtype == np.float32
    np.testing.assert_allclose(model.ratio(density, BOX_SIZE), seeds.mean(0), rtol=1e-6)


def test_a_model_without_tides_makes_none(stores, density, monkeypatch):
    file = made_up_model(stores)
    matrix = np.where(file.projection.shear, 0, file.projection.matrix)
    model = TrainedModel(replace(file, projection=file.projection.with_matrix(matrix)))
    expected = model.ratio(density, BOX_SIZE)
    assert expected.std() > 0
    for made in (SmoothedFeatures, TorchFeatures):
        compute = made.compute

        def without_tides(self, kind, scale, compute=compute):
            assert kind != "g2"
            return compute(self, kind, scale)

        monkeypatch.setattr(made, "compute", without_tides)
    np.testing.assert_array_equal(model.ratio(density, BOX_SIZE), expected)
    of_tensor = model.ratio(torch.from_numpy(density), BOX_SIZE)
    np.testing.assert_allclose(of_tensor.detach().numpy(), expected, rtol=1e-3)


def test_one_seed_keeps_its_dimension(stores, density):
    model = TrainedModel(made_up_model(stores, seeds=[3]))
    assert model.ratio(density, BOX_SIZE, seeds=True).shape == (1, 24, 24, 24)


def test_a_function_and_double_precision_give_the_same(model, density):
    expected = model.ratio(density, BOX_SIZE)
    np.testing.assert_array_equal(model.ratio(lambda: density, BOX_SIZE), expected)
    np.testing.assert_array_equal(model.ratio(density.astype(float), BOX_SIZE), expected)


def test_f_moves_with_the_density(model, density):
    shifted = model.ratio(np.roll(density, 5, axis=1), BOX_SIZE)
    np.testing.assert_allclose(shifted, np.roll(model.ratio(density, BOX_SIZE), 5, 1), rtol=1e-4)


def test_features_lie_in_the_folder_that_is_asked_for_and_go(model, density, tmp_path):
    with pytest.raises(InputError, match="scratch: there is no folder .*missing; make it"):
        model.ratio(density, BOX_SIZE, scratch=tmp_path / "missing")
    (tmp_path / "scratch").mkdir()
    model.ratio(density, BOX_SIZE, scratch=tmp_path / "scratch")
    assert not list((tmp_path / "scratch").iterdir())


def test_threads_of_torch_are_as_before(model, density):
    before = torch.get_num_threads()
    model.ratio(density, BOX_SIZE, threads=1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d[:12], r"shape \(12, 24, 24\), expected a cube"),
        (lambda d: d[0], r"shape \(24, 24\), expected a cube"),
        (lambda d: d.astype(int), "type int64, expected float32 or float64"),
        (lambda d: d.astype(complex), "type complex128"),
        (lambda d: np.where(np.arange(24) == 3, np.nan, d), "576 of 13824 values are not finite"),
        (lambda d: d[::2, ::2, ::2], r"spacing is 4 Mpc/h .* R=2 .*at least 24 points a side"),
    ],
    ids=["slab", "plane", "integers", "complex", "nan", "coarse"],
)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_what_is_no_density_is_refused(model, density, change, message, kind):
    given = change(density)
    if kind == "torch":
        given = torch.from_numpy(np.ascontiguousarray(given))
        message = message.replace("576 of 13824 values are", "values that are")
    with pytest.raises(InputError, match=f"density: .*{message}"):
        model.ratio(given, BOX_SIZE)


@pytest.mark.parametrize("box_size", [0, -48.0, np.nan, np.inf, "48", None])
def test_what_is_no_box_size_is_refused(model, density, box_size):
    with pytest.raises(InputError, match="box_size: found .*, expected a positive number"):
        model.ratio(density, box_size)


def test_a_box_below_the_largest_scale_is_refused(model, density):
    with pytest.raises(InputError, match="box_size: found 7 Mpc/h, expected at least 8, twice"):
        model.ratio(density, 7.0)


def test_where_has_to_be_on_the_grid(model, density):
    with pytest.raises(InputError, match=r"where: found an array \(3,\) of float64, expected"):
        model.ratio(density, BOX_SIZE, where=np.ones(3))


def test_inputs_within_the_range_are_no_warning(model, density, planted_box, stores):
    where = occupied(Particles.open(stores.particles)).reshape(density.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OutOfRange)
        model.ratio(density, BOX_SIZE, where=where)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_inputs_beyond_the_range_are_told_with_their_share(model, density, stores, kind):
    seen = model.file.about["inputs"]
    projection = model.file.projection
    inputs = projection.at(stores.features, slice(None)) * 3  # G2 is quadratic, δ is not
    with pytest.warns(OutOfRange, match="of the points have an input beyond the range") as told:
        model.ratio(kind(3 * density), BOX_SIZE)
    share = float(str(told[0].message).partition("%")[0]) / 100
    assert share > (np.abs(inputs[:, :1]) > max(seen["maximum"][0], -seen["minimum"][0])).mean()
    assert told[0].filename == __file__, "the warning names the caller's line"


def test_range_is_that_of_points_with_particles(stores):
    projection = Projection.read(stores.projection)
    needed = occupied(Particles.open(stores.particles))
    inputs = projection.at(stores.features, np.flatnonzero(needed))
    seen = inputs_seen([(stores.features, stores.particles)] * 2, projection)
    np.testing.assert_array_equal(seen["minimum"], inputs.min(0))
    np.testing.assert_array_equal(seen["maximum"], inputs.max(0))
    np.testing.assert_allclose(seen["quantiles"]["0.5"], np.median(inputs, axis=0), atol=1e-6)


def particles_of(density, rng):
    """Two particles a point, somewhere in the box."""
    points = np.repeat(np.arange(density.size), 2)
    return rng.uniform(0, BOX_SIZE, (len(points), 3)), points


def test_paint_conserves_the_mass_and_wraps(model, density, rng):
    ratio = model.ratio(density, BOX_SIZE)
    positions, points = particles_of(density, rng)
    halos = model.paint(ratio, positions, points, grid=12)
    assert abs(halos.mean(dtype=float)) < 1e-6
    # One box further: float32 positions differ by rounding.
    again = model.paint(ratio, positions - 3 * BOX_SIZE, points, grid=12, box_size=BOX_SIZE)
    np.testing.assert_allclose(again, halos, atol=1e-4)


def test_points_may_be_three_integers(model, density, rng):
    ratio = model.ratio(density, BOX_SIZE)
    positions, points = particles_of(density, rng)
    triples = np.stack(np.unravel_index(points, density.shape), axis=1)
    np.testing.assert_array_equal(
        model.paint(ratio, positions, triples, 12), model.paint(ratio, positions, points, 12)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, x, p: (f[0], x, p), r"ratio: found an array of shape \(24, 24\)"),
        (lambda f, x, p: (f, x[:5], p), "positions and lagrangian_index: found"),
        (lambda f, x, p: (f, x, p[:, None]), "positions and lagrangian_index: found"),
        (lambda f, x, p: (f, x, p + 1), "found 1 to 13824, expected 0 to 13823"),
        (lambda f, x, p: (f, x, p - 1), "found -1 to 13822"),
        (lambda f, x, p: (f, x, p / 2), "lagrangian_index: found float64, expected integers"),
        (lambda f, x, p: (f, x * np.nan, p), "positions: found values that are not finite"),
    ],
)
def test_particles_that_do_not_fit_are_refused(model, density, rng, change, message):
    given = change(np.ones_like(density), *particles_of(density, rng))
    with pytest.raises(InputError, match=message):
        model.paint(*given, grid=12, box_size=BOX_SIZE)


def test_paint_needs_a_box_size(model, density, rng):
    with pytest.raises(InputError, match="box_size: expected the side of the box in Mpc/h"):
        model.paint(np.ones_like(density), *particles_of(density, rng), grid=12)


def test_loading_a_model_changes_nothing_of_the_process(model_file):
    """Not the backend of a notebook's figures, for one."""
    script = (
        "import os, sys; before = dict(os.environ)\n"
        "import lagbias; assert 'torch' not in sys.modules\n"
        "lagbias.load(sys.argv[1]); assert dict(os.environ) == before, os.environ\n"
        "assert 'matplotlib' not in sys.modules and 'snakemake' not in sys.modules\n"
    )
    environment = os.environ | {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": str(ROOT / "workflow/scripts"),
    }
    subprocess.run([sys.executable, "-c", script, model_file], check=True, env=environment)

"""A model's file: what is written is read, its bytes repeat, and what is no model is refused."""

import json
import struct
from dataclasses import replace

import lagbias
import numpy as np
import pytest
import torch
from conftest import made_up_model
from lagbias.base.errors import InputError
from lagbias.config.names import FEATURE_KINDS
from lagbias.model import file as model_files
from lagbias.model.card import card
from lagbias.model.file import DOCUMENT, ModelFile
from lagbias.projection.orthogonal import orthogonalise
from lagbias.projection.projection import Projection
from lagbias.training.fit import squared_inputs
from lagbias.training.network import Architecture, HaloToMassRatio
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def test_what_is_written_is_read(stores, model_file):
    made, read = made_up_model(stores), ModelFile.read(model_file)
    inputs = torch.randn(50, made.projection.inputs)
    for seed, network in made.networks.items():
        assert torch.equal(network(inputs), read.networks[seed](inputs))
    for name in model_files.ARRAYS:
        found, expected = getattr(read.projection, name), getattr(made.projection, name)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)
    assert (read.projection.kinds, read.projection.scales) == (
        made.projection.kinds, made.projection.scales,
    )  # fmt: skip
    assert {key: read.about[key] for key in made.about} == made.about


def test_the_same_model_gives_the_same_bytes(stores, model_file, tmp_path):
    made_up_model(stores).write(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == model_file.read_bytes()


def test_file_is_read_without_this_project(model_file):
    """By the layout of safetensors alone: a length, a JSON head, little-endian numbers."""
    content = model_file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + length])
    document = json.loads(head["__metadata__"][DOCUMENT])
    assert document["scales"] == [2, 4, 2, 4, 2, 4]
    place = head["projection.matrix"]
    begin, end = (8 + length + offset for offset in place["data_offsets"])
    matrix = np.frombuffer(content[begin:end], "<f8").reshape(place["shape"])
    np.testing.assert_array_equal(matrix, ModelFile.read(model_file).projection.matrix)


def test_numbers_of_the_document_are_json_of_every_language(model_file):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    with safe_open(model_file, framework="numpy") as opened:
        json.loads(opened.metadata()[DOCUMENT], parse_constant=refuse)


def rewritten(model_file, change):
    """The file with its document and tensors changed."""
    with safe_open(model_file, framework="numpy") as opened:
        metadata = opened.metadata()
    tensors, document = load_file(model_file), json.loads(metadata[DOCUMENT])
    change(document, tensors)
    save_file(tensors, model_file, {DOCUMENT: json.dumps(document)})


@pytest.mark.parametrize(
    "content", [b"", b"no model", b"\x80\x02pickle", None], ids=["empty", "text", "pickle", "cut"]
)
def test_what_is_no_whole_file_is_refused(model_file, content):
    model_file.write_bytes(model_file.read_bytes()[:-100] if content is None else content)
    with pytest.raises(InputError, match="made_up.safetensors is not a whole safetensors file"):
        lagbias.load(model_file)


def test_safetensors_of_others_are_refused(model_file):
    save_file({"weight": np.zeros(3)}, model_file)
    with pytest.raises(InputError, match="not a model of this project.*rule write_model"):
        lagbias.load(model_file)


def test_another_version_is_refused(model_file):
    rewritten(model_file, lambda document, _: document.update(version=99))
    with pytest.raises(InputError, match="has version 99 of the layout, expected 1"):
        lagbias.load(model_file)


@pytest.mark.parametrize(
    "change",
    [
        lambda document, tensors: tensors.pop("seed1.layers.0.weight"),
        lambda document, tensors: tensors.pop("projection.mean"),
        lambda document, tensors: tensors.update({"projection.mean": np.zeros(2)}),
        lambda document, tensors: document["architecture"].update(neurons=9),
        lambda document, tensors: document.pop("scales"),
        lambda document, tensors: document.update(seeds=[]),
        lambda document, tensors: document.pop("inputs"),
    ],
    ids=[
        "no weight",
        "no mean",
        "short mean",
        "other neurons",
        "no scales",
        "no seeds",
        "no range",
    ],
)
def test_a_model_that_lacks_a_part_is_refused(model_file, change):
    rewritten(model_file, change)
    with pytest.raises(InputError, match="lacks a part of a model, or has one of another shape"):
        lagbias.load(model_file)


def test_unknown_model_is_told_what_was_meant(monkeypatch, model_file):
    monkeypatch.setattr(model_files, "SHIPPED", model_file.parent)
    assert lagbias.load("made_up").seeds == [1, 2]
    assert lagbias.load("made_up.safetensors").seeds == [1, 2]
    with pytest.raises(InputError, match=r"'made_op': found no such file.*did you mean made_up\?"):
        lagbias.load("made_op")
    with pytest.raises(InputError, match="'x': found no such file.* name Shipped models: made_up$"):
        lagbias.load("x")
    with pytest.raises(InputError, match="no such file"):
        lagbias.load("elsewhere/made_up")


def test_every_shipped_model_has_its_card():
    assert model_files.shipped(), "none is shipped: is the test blind?"
    for name, path in model_files.shipped().items():
        made = lagbias.load(name)
        assert path.with_suffix(".md").read_text(encoding="utf-8") == made.card
        assert path.stat().st_size < 100_000
        assert made.file.about["name"] == name


def test_card_says_what_the_file_says(stores):
    told = made_up_model(stores)
    text = card(lagbias_document(told))
    assert "| 0.1–0.3 | 1.0100 ± 0.0200 (0.0030) | 0.0200 |" in text
    assert "more than 50 particles (M > 1e+13 Msun/h), each by its mass" in text
    seen = told.about["inputs"]
    assert f"| 1 | {seen['minimum'][0]:.3g} |" in text


@pytest.mark.parametrize(("boxes", "said"), [(2, "Gaussian fields"), (3, "error over boxes.")])
def test_card_says_what_its_errors_are_of(stores, boxes, said):
    told = lagbias_document(made_up_model(stores))
    told["trained_on"] = told["trained_on"] | {"test_boxes": ["c"] * boxes}
    (line,) = [line for line in card(told).splitlines() if line.startswith("± is")]
    assert said in line


def test_card_of_one_seed_has_no_scatter_of_seeds(stores):
    told = lagbias_document(made_up_model(stores))
    told["accuracy"] = [told["accuracy"][0] | {"power_ratio_seed_deviation": None}]
    assert "| 1.0100 ± 0.0200 | 0.0200 |" in card(told)


def card_of(made: ModelFile, path) -> str:
    """The card of a model whose file is written and read."""
    made.write(path)
    return lagbias.load(path).card


@pytest.mark.parametrize(
    ("kinds", "features"),
    [
        (FEATURE_KINDS, "6: δ, ∇²δ and tidal shear G2"), (("delta", "laplacian"), "4: δ and ∇²δ"),
        (("delta", "g2"), "4: δ and tidal shear G2"), (("delta",), "2: δ"),
    ],
)  # fmt: skip
def test_card_names_the_features_of_the_inputs(stores, tmp_path, kinds, features):
    orthogonalise([stores.features], kinds=kinds).write(tmp_path / "projection.nc")
    made = made_up_model(replace(stores, projection=tmp_path / "projection.nc"))
    text = card_of(made, tmp_path / "made_up.safetensors")
    assert f"| features | {features} at each scale |" in text
    assert f"| inputs | {made.projection.inputs}, by the matrix" in text
    assert f"| {made.projection.inputs} | " in text.partition("## Inputs")[2]
    assert f"| {made.projection.inputs + 1} | " not in text.partition("## Inputs")[2]


def test_card_of_inputs_made_by_hand_says_at_which_scale_shear_is(stores, tmp_path):
    rows = np.array([[1, -1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 0]], dtype=float)
    Projection.read(stores.projection).with_matrix(rows).write(tmp_path / "projection.nc")
    made = made_up_model(replace(stores, projection=tmp_path / "projection.nc"))
    text = card_of(made, tmp_path / "made_up.safetensors")
    assert "| features | 5: δ and ∇²δ at each scale; tidal shear G2 at 2 Mpc/h |" in text


def test_card_of_a_file_that_does_not_say_what_is_used_names_all_features(stores):
    text = card(lagbias_document(made_up_model(stores)))
    assert "| features | 6: δ, ∇²δ and tidal shear G2 at each scale |" in text


def test_card_of_a_gaussian_has_no_layers(stores, tmp_path):
    made = made_up_model(stores)
    architecture = Architecture(
        made.projection.inputs, form="gaussian", squared=squared_inputs(made.projection)
    )
    networks = {seed: HaloToMassRatio(architecture) for seed in made.networks}
    text = card_of(replace(made, networks=networks), tmp_path / "made_up.safetensors")
    said = "none: log f is a polynomial, of second order in inputs without G2"
    assert f"| layers | {said} |" in text
    assert "neurons" not in text
    assert "| networks | 2 seeds; f is their mean |" in text


def lagbias_document(made: ModelFile) -> dict:
    """The document of a file, as it is read."""
    return {
        **made.about,
        "architecture": vars(next(iter(made.networks.values())).architecture),
        "seeds": list(made.networks),
        "kinds": made.projection.kinds,
        "scales": made.projection.scales,
    }

"""Devices: CPU or CUDA by the config, determinism for a block of work, inputs that stay behind."""

import numpy as np
import pytest
import torch
from lagbias.base.devices import deterministic_algorithms, device_of
from lagbias.base.errors import InputError
from lagbias.training import rows
from lagbias.training.cells import TrainingBoxes
from test_training import assert_same_bits, made_up_box, train


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [("cpu", True, "cpu"), ("auto", False, "cpu"), ("auto", True, "cuda"), ("cuda", True, "cuda")],
)
def test_device_is_the_one_asked_for_or_found(monkeypatch, name, found, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    assert device_of(name).type == expected


def test_cuda_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device: found no CUDA device.*`device: cpu`"):
        device_of("cuda")


@pytest.mark.parametrize("wanted", [True, False])
def test_determinism_is_for_a_block_of_work_alone(monkeypatch, wanted):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    def fails():
        with deterministic_algorithms(wanted):
            raise KeyError(torch.are_deterministic_algorithms_enabled())

    with pytest.raises(KeyError, match=str(wanted)):
        fails()
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_by_deterministic_algorithms_ends_in_the_same_bits(stores, tmp_path):
    plain, _ = train(stores, tmp_path / "plain")
    asked, _ = train(stores, tmp_path / "asked", deterministic=True)
    assert_same_bits(plain, asked)


def test_inputs_without_room_on_the_device_stay_and_are_gathered(rng, monkeypatch):
    """On torch's device without memory: what is there has no values, what stayed has."""
    for room, where in ((True, "meta"), (False, "cpu")):
        monkeypatch.setattr(rows, "room_for", lambda size, device, room=room: room)
        data = made_up_box(rng)
        boxes = TrainingBoxes([data])
        boxes.move_to(torch.device("meta"))
        assert boxes.inputs.device.type == where
        assert {b.device.type for n, b in boxes.named_buffers() if n != "inputs"} == {"meta"}
        assert boxes.inputs_of(slice(3, 9)).device.type == "meta"
    np.testing.assert_array_equal(boxes.inputs.numpy(), data["inputs"])


def test_training_with_gathered_inputs_ends_in_the_same_bits(stores, tmp_path, monkeypatch):
    resident, _ = train(stores, tmp_path / "resident")
    monkeypatch.setattr(rows, "room_for", lambda size, device: False)
    gathered, _ = train(stores, tmp_path / "gathered")
    assert_same_bits(resident, gathered)


def test_room_is_a_share_of_what_a_gpu_has_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    room = [rows.room_for(size, torch.device("cuda")) for size in (800, 801)]
    assert room == [True, False]
    assert rows.room_for(10**15, torch.device("cpu"))

"""A trained model as one file: numbers as safetensors, all else as one JSON document in its head.

Tensors, as any safetensors library reads them (``s`` is a seed's number):

    seed{s}.layers.{l}.weight, .bias         float32, of each linear layer
    seed{s}.log10_normalisation              float64; log10 f = NN(inputs) - log10_normalisation
    projection.matrix                        float64 (input, feature)
    projection.mean, .standard_deviation     float64 (feature)
    projection.covariance                    float64 (feature, feature)

    inputs = matrix @ (features - mean) / standard_deviation

The document is the metadata ``lagbias``: ``version`` of this layout, ``architecture`` of the
networks, ``seeds``, ``kinds`` and ``scales`` [Mpc/h] of the features, which of them are ``used``,
and what the model card says (``lagbias.model.card``). Files without ``used`` use all features.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.projection.projection import Projection
from lagbias.training.network import Architecture, HaloToMassRatio

VERSION = 1
SUFFIX = ".safetensors"
DOCUMENT = "lagbias"
SHIPPED = Path(__file__).parent / "shipped"
ABOUT = ("name", "trained_on", "accuracy", "inputs", "software")
ARRAYS = ("matrix", "mean", "standard_deviation", "covariance")


@dataclass(frozen=True)
class ModelFile:
    """What a model's file holds.

    Attributes
    ----------
    networks : dict
        Seed to network.
    projection : Projection
    about : dict
        What the model card says: ``name``, ``trained_on``, ``accuracy``, ``inputs`` and
        ``software``.
    """

    networks: Mapping[int, HaloToMassRatio]
    projection: Projection
    about: Mapping[str, Any]

    def write(self, path: str | Path) -> None:
        """Write the file, whole or not at all; the same model gives the same bytes."""
        first = next(iter(self.networks.values()))
        document = {
            "version": VERSION,
            "architecture": asdict(first.architecture),
            "seeds": list(self.networks),
            "kinds": self.projection.kinds,
            "scales": self.projection.scales,
            "used": self.projection.used.tolist(),
            **self.about,
        }
        tensors = {f"projection.{name}": getattr(self.projection, name) for name in ARRAYS}
        for seed, network in self.networks.items():
            state = network.state_dict()
            tensors |= {f"seed{seed}.{name}": value.numpy() for name, value in state.items()}
        held = {name: np.asarray(values, order="C") for name, values in tensors.items()}
        with written_whole(path) as partial:
            partial.write_bytes(save(held, {DOCUMENT: json.dumps(document)}))

    @classmethod
    def read(cls, model: str | Path) -> "ModelFile":
        """Read a file, or a shipped model by its name. Nothing in the file is executed.

        Raises
        ------
        InputError
            If there is none, or it is not whole, or of another version.
        """
        path = place_of(model)
        try:
            with safe_open(path, framework="numpy") as opened:
                metadata = opened.metadata() or {}
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{path} is not a whole safetensors file ({error}); expected a model of this "
                "project; copy or make it again"
            ) from error
        document = _document(path, metadata)
        try:
            return cls(*_contents(document, tensors), about=document)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{path} lacks a part of a model, or has one of another shape ({error}); copy or "
                "make it again"
            ) from error


def shipped() -> dict[str, Path]:
    """The models that come with this package, name to file."""
    return {path.stem: path for path in sorted(SHIPPED.glob(f"*{SUFFIX}"), key=lambda p: p.stem)}


def place_of(model: str | Path) -> Path:
    """The file of a model, given as a path or as the name of a shipped one.

    Raises
    ------
    InputError
        If there is no such file and no such name.
    """
    path, known = Path(model), shipped()
    if path.is_file():
        return path
    name = path.name.removesuffix(SUFFIX)
    if str(model) in (name, name + SUFFIX) and name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    raise InputError(
        f"model {str(model)!r}: found no such file, and no shipped model of this name"
        + (f"; did you mean {near[0]}?" if near else "")
        + f" Shipped models: {', '.join(known) or 'none'}"
    )


def _document(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The document of a file's head, of this version."""
    try:
        document = json.loads(metadata[DOCUMENT])
        version = document["version"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is a safetensors file, but not a model of this project: its metadata has no "
            f"document {DOCUMENT!r}; expected a file that the rule write_model made"
        ) from error
    if version != VERSION:
        raise InputError(
            f"{path} has version {version!r} of the layout, expected {VERSION}; use the version of "
            "lagbias that wrote it, or make it again"
        )
    return document


def _contents(
    document: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[dict[int, HaloToMassRatio], Projection]:
    """Networks by seed, and the projection."""
    lost = [name for name in ABOUT if name not in document]
    if lost:
        raise ValueError(f"no {', '.join(lost)}")
    arrays = {name: tensors[f"projection.{name}"] for name in ARRAYS}
    kinds, scales = map(tuple, (document["kinds"], document["scales"]))
    projection = Projection(**arrays, kinds=kinds, scales=scales)
    architecture = Architecture(**document["architecture"])
    features, inputs = len(kinds), architecture.inputs
    expected = [(inputs, features), (features,), (features,), (features, features)]
    if [array.shape for array in arrays.values()] != expected or len(scales) != features:
        raise ValueError(f"expected {inputs} inputs of {features} features")
    networks = {}
    for seed in document["seeds"]:
        begin = f"seed{seed}."
        state = {
            name.removeprefix(begin): torch.from_numpy(np.array(values))
            for name, values in tensors.items()
            if name.startswith(begin)
        }
        network = HaloToMassRatio(architecture)
        network.load_state_dict(state)
        networks[int(seed)] = network.requires_grad_(False).eval()
    if not networks:
        raise ValueError("no seeds")
    return networks, projection

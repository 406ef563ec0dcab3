"""The networks alone as ONNX, for programs that have no torch: network inputs to f."""

import copy
import io
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.model.file import DOCUMENT, ModelFile
from lagbias.training.network import HaloToMassRatio


class MeanRatio(nn.Module):
    """f averaged over seeds, float32 (points,), for inputs (points, inputs)."""

    def __init__(self, networks: Sequence[HaloToMassRatio]) -> None:
        super().__init__()
        # In the precision of the inputs: ONNX has no mixed sums.
        self.networks = nn.ModuleList(copy.deepcopy(one).float() for one in networks)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.stack([network(inputs) for network in self.networks]).mean(0)


def write_onnx(file: ModelFile, path: str | Path) -> None:
    """Write f of network inputs as ONNX: ``inputs`` (points, inputs) to ``ratio`` (points,).

    The document of the model's file is in the metadata ``lagbias``. How inputs follow from a
    density is not in an ONNX file (``lagbias.model.file`` says it).

    Parameters
    ----------
    file : ModelFile
    path : path of the ONNX file

    Raises
    ------
    InputError
        If onnx and onnxscript are not installed.
    """
    try:
        # An extra of this package; torch's exporter is made with the second.
        import onnx  # pyright: ignore[reportMissingImports]
        import onnxscript  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            f"ONNX: package {error.name} is not installed; expected onnx and onnxscript; "
            "install them, for example pip install 'lagbias[onnx]'"
        ) from error
    example = torch.zeros(2, file.projection.inputs)
    program = torch.onnx.export(
        MeanRatio(list(file.networks.values())).eval(), (example,), dynamo=True, verbose=False,
        input_names=["inputs"], output_names=["ratio"],
        dynamic_shapes=({0: torch.export.Dim("points")},),
    )  # fmt: skip
    assert program is not None  # it is where no file is named
    proto = program.model_proto
    onnx.helper.set_model_props(proto, {DOCUMENT: json.dumps(file.about)})
    buffer = io.BytesIO()
    onnx.save_model(proto, buffer)
    with written_whole(path) as partial:
        partial.write_bytes(buffer.getvalue())

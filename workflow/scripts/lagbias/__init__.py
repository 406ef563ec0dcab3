"""lagbias: neural-net Lagrangian halo bias on AbacusSummit boxes (arXiv:2212.08095).

model = lagbias.load("twelve_N50_R2-R4-R8")
f = model.ratio(linear_density, box_size=500)
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagbias.model.trained import TrainedModel


def load(model: str | Path) -> "TrainedModel":
    """A trained model: see ``lagbias.model.trained.TrainedModel``.

    Parameters
    ----------
    model : str or path
        A file ``….safetensors``, or the name of a model of ``lagbias.model.file.shipped``.

    Raises
    ------
    InputError
        If there is no such model, or its file is not whole.
    """
    # Jobs of the workflow import this package, too, and most of them need no network.
    from lagbias.model.trained import TrainedModel

    return TrainedModel.read(model)

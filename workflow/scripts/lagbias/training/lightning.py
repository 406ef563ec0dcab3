"""Lightning's loop, imported without torchmetrics.

Lightning looks whether what a module logs is a metric; nothing is logged here. torchmetrics brings
scipy.signal, scipy.stats and matplotlib along: with it a training takes a third longer to start.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType

# Trainings do not depend on what a user has set for other programs: Lightning's defaults.
for name in [name for name in os.environ if name.startswith("PL_TRAINER_")]:
    del os.environ[name]


@contextmanager
def without_torchmetrics() -> Iterator[None]:
    """Let a module with two classes that nothing is of take its place in a block."""
    if "torchmetrics" in sys.modules:
        yield
        return
    placeholder = ModuleType("torchmetrics")
    for name in ("Metric", "MetricCollection"):
        setattr(placeholder, name, type(name, (), {}))
    placeholder.__dict__["__version__"] = version("torchmetrics")
    sys.modules["torchmetrics"] = placeholder
    try:
        yield
    finally:
        del sys.modules["torchmetrics"]


with without_torchmetrics():
    from pytorch_lightning import LightningModule as LightningModule
    from pytorch_lightning import Trainer as Trainer
    from pytorch_lightning.callbacks import Checkpoint as Checkpoint
    from pytorch_lightning.core.optimizer import LightningOptimizer as LightningOptimizer
    from pytorch_lightning.plugins.environments import (
        LightningEnvironment as LightningEnvironment,  # pyright: ignore[reportPrivateImportUsage]
    )

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its tips and advertisements

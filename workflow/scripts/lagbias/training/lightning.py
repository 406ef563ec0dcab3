"""Lightning's loop, imported without torchmetrics and without torch's compiler.

Lightning looks whether what a module logs is a metric, and whether a module was compiled; nothing
is logged or compiled here. torchmetrics brings scipy.signal, scipy.stats and matplotlib along, the
compiler sympy: with the two a training takes twice as long to start.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType

METRICS = ("Metric", "MetricCollection")

# Trainings do not depend on what a user has set for other programs: Lightning's defaults.
for name in [name for name in os.environ if name.startswith("PL_TRAINER_")]:
    del os.environ[name]


def as_it_is(function, *_, **__):
    """A function that is not to be compiled, of which there is no compiler to tell."""
    return function


@contextmanager
def placeholder(name: str, classes: Iterable[str], **content) -> Iterator[None]:
    """Let a module with some classes that nothing is of take a module's place in a block."""
    if name in sys.modules:
        yield
        return
    of_nothing = {class_name: type(class_name, (), {}) for class_name in classes}
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__dict__.update(of_nothing | content)
    try:
        yield
    finally:
        del sys.modules[name]


with (
    placeholder("torchmetrics", METRICS, __version__=version("torchmetrics")),
    placeholder("torch._dynamo", ["OptimizedModule"], disable=as_it_is),
):
    from pytorch_lightning import LightningModule as LightningModule
    from pytorch_lightning import Trainer as Trainer
    from pytorch_lightning.callbacks import Checkpoint as Checkpoint
    from pytorch_lightning.core.optimizer import LightningOptimizer as LightningOptimizer
    from pytorch_lightning.plugins.environments import (
        LightningEnvironment as LightningEnvironment,  # pyright: ignore[reportPrivateImportUsage]
    )

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its tips and advertisements

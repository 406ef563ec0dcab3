"""What a config names by its place, as ``lagbias.yardsticks.bins:DensityBins``."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from lagbias.base.errors import InputError


def load(place: str) -> Any:
    """What stands at a place: a module and a name in it.

    Parameters
    ----------
    place : str
        ``package.module:Name`` or ``folder/file.py:Name``, from the folder of the run.

    Raises
    ------
    InputError
        If there is no such module, or no such name in it.
    """
    where, _, name = place.rpartition(":")
    try:
        module = _module_of_file(where) if where.endswith(".py") else importlib.import_module(where)
        return getattr(module, name)
    except (ImportError, OSError, AttributeError, ValueError) as error:
        raise InputError(
            f"{place}: {error}; expected a module or a file and a name in it, as my_file.py:Name"
        ) from error


def _module_of_file(file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

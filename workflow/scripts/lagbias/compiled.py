"""Compiled code that other libraries do not keep: without this every job compiles it again."""

from types import ModuleType

from numba.core.dispatcher import Dispatcher


def keep_compiled(module: ModuleType) -> None:
    """Let numba cache a module's compiled functions on disk, as ``cache=True`` would.

    abacusutils compiles its painting anew in every process. (Not its mode counting: numba
    keeps no function that asks for its thread's number.)

    Parameters
    ----------
    module : module with numba functions
    """
    for function in vars(module).values():
        if isinstance(function, Dispatcher) and function.py_func.__module__ == module.__name__:
            function.enable_caching()

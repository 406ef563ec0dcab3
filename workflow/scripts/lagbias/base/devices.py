"""Where networks are trained and evaluated: on the CPU, or on a CUDA device if asked for or found.

The two agree to rounding: float32 sums in another order (``tests/reference/test_gpu.py`` has
the tolerances). On a CPU the same threads give the same bits; on a GPU some of torch's operations
add in the order in which threads happen to come, unless they are asked not to.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lagbias.base.errors import InputError


def device_of(name: str) -> torch.device:
    """The device of a config's ``cpu``, ``cuda`` or ``auto``, which is CUDA where it is found.

    Raises
    ------
    InputError
        If CUDA is asked for and not found.
    """
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise InputError(
            f"device: found no CUDA device (torch {torch.__version__}), expected one as the "
            "config asks; run where there is one, install a torch with CUDA, or use `device: cpu`"
        )
    return torch.device("cuda" if found and name != "cpu" else "cpu")


@contextmanager
def deterministic_algorithms(wanted: bool) -> Iterator[None]:
    """For a block of work, let torch use only operations that give the same bits every time."""
    if not wanted or torch.are_deterministic_algorithms_enabled():
        yield  # as it is: telling torch so loads its compiler
        return
    # cuBLAS reads this when it is first called.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)

"""A process of its own that need not import the large libraries: Snakemake, torch, Lightning.

A Python that starts imports them for 1 to 6 CPU seconds. Here one process imports them, once, and
every run is a fork of it. It imports nothing of this repository, copies of which tests edit.
"""

import atexit
import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["snakemake.cli", "pytorch_lightning", "xarray", "zarr", "abacusnbody.analysis.tsc", "asdf"]
)


def run(function: Callable, *arguments, cwd: Path, timeout: float = 300) -> CompletedProcess:
    """Call a function of a module in a fork; its output is captured, as of ``subprocess.run``."""
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("stdout", "stderr")]
        process = SERVER.Process(
            target=_call, args=(said, str(cwd), dict(os.environ), function, arguments)
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
        texts = [file.read_text(encoding="utf-8") if file.exists() else "" for file in said]
    return CompletedProcess([function.__name__, *arguments], process.exitcode, *texts)


def _call(said: list[Path], cwd: str, environment: dict, function: Callable, arguments: tuple):
    for number, file in enumerate(said, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    try:
        function(*arguments)
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()  # which the end of a fork leaves out


def snakemake(*arguments: str) -> None:
    """What ``python -m snakemake`` does, with the path that Python has there."""
    from snakemake.cli import main

    own = (sys.prefix, sys.base_prefix)
    installed = (path for path in sys.path if any(Path(path).is_relative_to(p) for p in own))
    sys.path[:] = [os.getcwd(), *installed]
    sys.argv[:] = ["snakemake", *arguments]
    main()

"""Results depend on this repository alone, not on what a user has set for other programs."""

import subprocess
from pathlib import Path

import pytest
from test_faults import JOBS, PARTICLES, RUN, assert_alike, delete, finished, folder, in_own_process

__all__ = ["finished", "folder"]  # fixtures

# Every kind of thing that a style can change; figures of the report are drawn on the same page.
DRAW = """
import sys
from lagbias.figures.style import drawn_to, line_of
from pathlib import Path
with drawn_to(sys.argv[1:], ncols=2, figsize=(5, 2.5)) as (figure, ((left, right),)):
    for power in range(3):
        left.plot([1, 10, 100], [1, 10**power, 100], **line_of(power), label=f"\\u03b4 {power}")
    left.set(xscale="log", yscale="log", xlabel="k [h/Mpc]", ylabel="P_model")
    left.legend()
    figure.colorbar(right.imshow([[-1.5, 0], [1, 2]]), ax=right)
    right.set_title("f(\\u03b4, \\u2207\\u00b2) \\u2212 1")
"""
HOSTILE_STYLE = """
text.usetex: True
font.family: serif
font.size: 21
axes.prop_cycle: cycler(color=['red', 'green'])
axes.unicode_minus: False
axes.formatter.use_locale: True
image.cmap: jet
lines.marker: o
figure.hooks: os:abort
savefig.bbox: tight
savefig.transparent: True
pdf.compression: 0
backend: QtAgg
"""
SETTINGS = {
    # What `!snakemake` in a notebook inherits.
    "notebook": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "screen": {"MPLBACKEND": "QtAgg"},
    "locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
}


def run(folder: Path, script: str, *arguments, **settings: str) -> None:
    """Run a script in a process of its own with some environment variables."""
    process = in_own_process(script, *arguments)
    process["env"] |= settings
    done = subprocess.run(**process, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def figure(folder: Path, **settings: str) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    names = ["figure.png", "figure.pdf"]
    run(folder, DRAW, *names, **settings)
    return [(folder / name).read_bytes() for name in names]


@pytest.fixture(scope="module")
def plain_figure(tmp_path_factory) -> list[bytes]:
    return figure(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("kind", SETTINGS)
def test_figure_is_the_same_whatever_is_in_the_environment(plain_figure, tmp_path, kind):
    assert figure(tmp_path, **SETTINGS[kind]) == plain_figure


@pytest.mark.parametrize("place", ["working directory", "MATPLOTLIBRC", "MPLCONFIGDIR"])
def test_figure_is_the_same_whatever_style_the_user_has(plain_figure, tmp_path, place):
    at = tmp_path if place == "working directory" else tmp_path / "style"
    at.mkdir(exist_ok=True)
    (at / "matplotlibrc").write_text(HOSTILE_STYLE, encoding="utf-8")
    settings = {} if place == "working directory" else {place: str(at)}
    assert figure(tmp_path, **settings) == plain_figure


@pytest.mark.parametrize(
    "settings",
    [
        {"ZARR_DEFAULT_ZARR_FORMAT": "2", "ZARR_JSON_INDENT": "7", "ZARR_ARRAY__ORDER": "F"},
        {"NUMBA_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "1"},
        SETTINGS["locale"],
        SETTINGS["optimised"],
    ],
    ids=["zarr", "numba", "locale", "optimised"],
)
def test_store_is_the_same_whatever_is_in_the_environment(finished, folder, settings):
    delete(folder / PARTICLES)
    run(folder, RUN, "index_particles", **settings)
    assert_alike(JOBS["index_particles"], folder, finished)


def test_training_is_the_same_whatever_lightning_is_told(finished, folder):
    job = JOBS["train_network"]
    for output in job.output:
        delete(folder / output)
    settings = {"PL_TRAINER_LIMIT_TRAIN_BATCHES": "1", "PL_TRAINER_PRECISION": "bf16-true"}
    run(folder, RUN, job.rule, **settings)
    assert_alike(job, folder, finished)

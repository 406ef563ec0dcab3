"""The command `lagbias`: what it prints and writes, and one clear line on bad input."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import lagbias
import numpy as np
import pytest
import xarray as xr
from conftest import REDSHIFT
from lagbias.base.stores import open_store
from lagbias.model.command import COMMANDS, main
from lagbias.model.file import shipped
from made_boxes import arrays_of, make_box, write_arrays

ROOT = Path(__file__).parents[2]
BOX_SIZE = 48.0

pytestmark = pytest.mark.filterwarnings("ignore::lagbias.model.seen.OutOfRange")


@pytest.fixture
def density(planted_box, tmp_path) -> Path:
    path = tmp_path / "delta.npy"
    np.save(path, planted_box.linear_density)
    return path


def refusal(capsys, *arguments) -> str:
    """The one line that is said of bad input."""
    assert main([str(argument) for argument in arguments]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    return line


def test_package_installs_the_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"lagbias": "lagbias.model.command:main"}


def test_info_prints_the_card_or_the_shipped_names(capsys, model_file):
    assert main(["info", str(model_file)]) == 0
    assert capsys.readouterr().out == lagbias.load(model_file).card
    assert main(["info"]) == 0
    assert capsys.readouterr().out.split() == list(shipped())


def test_help_explains_every_argument(capsys):
    for command in [[], *([name] for name in COMMANDS)]:
        with pytest.raises(SystemExit) as end:
            main([*command, "--help"])
        assert end.value.code == 0
        text = capsys.readouterr().out
        for name in COMMANDS if not command else ():
            assert re.search(rf"^    {name} +\w+", text, re.M)
        # An argument is followed by what it is, on its line or on the next.
        for option in re.findall(r"^  (-\S.*)$", text, re.M):
            assert re.search(rf"{re.escape(option)}(  +\w|\n +\w)|  \w", text), option


def test_apply_writes_f(density, model_file, planted_box, tmp_path):
    output = tmp_path / "f.zarr"
    assert main(
        ["apply", str(model_file), str(density), "--box-size", "48", "-o", str(output)]
    ) == 0  # fmt: skip
    expected = lagbias.load(model_file).ratio(planted_box.linear_density, BOX_SIZE)
    store = open_store(output)
    assert store["ratio"].dims == ("x", "y", "z")
    np.testing.assert_array_equal(store["ratio"], expected)
    assert store.attrs["box_size"] == BOX_SIZE
    assert store.attrs["model"] == "made_up"
    assert store.attrs["redshift"] == REDSHIFT


def test_apply_scales_a_file_of_abacussummit_to_the_redshift(model_file, planted_box, tmp_path):
    output = tmp_path / "f.zarr"
    file = str(planted_box.files.density)
    assert main(["apply", str(model_file), file, "-o", str(output), "--seeds"]) == 0
    expected = lagbias.load(model_file).ratio(planted_box.linear_density, BOX_SIZE, seeds=True)
    store = open_store(output)
    assert store["ratio"].dims == ("seed", "x", "y", "z")
    # The growth factor is a ratio of two numbers of the file's table.
    np.testing.assert_allclose(store["ratio"], expected, rtol=1e-4)


@pytest.mark.parametrize("suffix", [".zarr", ".nc"])
def test_apply_reads_a_variable(suffix, model_file, planted_box, tmp_path, capsys):
    grids = {"delta": planted_box.linear_density, "other": np.zeros((2, 2, 2))}
    dims = {"delta": ("x", "y", "z"), "other": ("a", "b", "c")}
    data = xr.Dataset({name: (dims[name], values) for name, values in grids.items()})
    data.attrs["box_size"] = BOX_SIZE
    path, output = tmp_path / f"both{suffix}", tmp_path / "f.zarr"
    if suffix == ".zarr":
        data.to_zarr(path, consolidated=False)
    else:
        data.to_netcdf(path, engine="h5netcdf")
    arguments = ["apply", str(model_file), str(path), "-o", str(output)]
    assert "--variable: found none, expected one of" in refusal(capsys, *arguments)
    assert main([*arguments, "--variable", "delta"]) == 0
    assert open_store(output)["ratio"].shape == (24, 24, 24)
    line = refusal(capsys, *arguments, "--variable", "delta", "--box-size", 50, "--overwrite")
    assert "--box-size: found 50, but" in line


def test_apply_tells_how_far_it_is(density, model_file, tmp_path):
    """In a process of its own: the log of this one is pytest's."""
    command = [
        sys.executable, "-m", "lagbias.model.command", "apply", model_file, density,
        "--box-size", "48", "-o", tmp_path / "f.zarr",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "R=4 g2: mean" in run.stderr
    assert "f: 100 % of the grid" in run.stderr
    assert "\nwarning: 0.07% of the points have an input beyond the range" in run.stderr
    assert re.search(r"^peak memory \d+ MB, \d+ s of CPU$", run.stderr, re.M)
    assert run.stdout == ""


def test_output_that_is_there_is_kept(density, model_file, tmp_path, capsys):
    (tmp_path / "f.zarr").mkdir()
    arguments = ["apply", model_file, density, "--box-size", 48, "-o", tmp_path / "f.zarr"]
    assert "choose another name or add --overwrite" in refusal(capsys, *arguments)
    assert main([*map(str, arguments), "--overwrite"]) == 0


def test_bad_input_is_one_line(density, model_file, tmp_path, capsys):
    output = tmp_path / "f.zarr"

    def of(*arguments, model=model_file, to=output):
        line = refusal(capsys, "apply", model, *arguments, "-o", to)
        assert not output.exists()
        return line

    assert "does not say its box; give the side in Mpc/h" in of(density)
    assert "expected a name that ends in .zarr" in of(density, to=tmp_path / "f.npy")
    assert "there is no file" in of(tmp_path / "missing.npy", "--box-size", 48)
    assert "expected a file that ends in .npy" in of(model_file, "--box-size", 48)
    assert "found no such file" in of(density, "--box-size", 48, model="unknown")
    assert "above the model's smallest smoothing scale" in of(density, "--box-size", 500)
    density.write_bytes(density.read_bytes()[:100])
    assert "is not a whole NumPy file" in of(density, "--box-size", 48)
    for name in ("broken.nc", "broken.zarr", "broken.asdf"):
        (tmp_path / name).write_text("nothing")
        assert name in of(tmp_path / name, "--box-size", 48)


def test_an_unwritable_place_is_one_line(density, model_file, tmp_path, capsys):
    (tmp_path / "file").touch()
    arguments = ["apply", model_file, density, "--box-size", 48]
    line = refusal(capsys, *arguments, "-o", tmp_path / "file/f.zarr")
    assert "expected a folder that you may read and write" in line


def test_a_closed_pipe_is_no_error(model_file):
    command = f"{sys.executable} -m lagbias.model.command info {model_file} | head -1"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert run.stdout == "# made_up\n"
    assert not run.stderr


def test_check_box_says_what_is_there_and_what_to_write(tmp_path, capsys):
    made = make_box()
    write_arrays(tmp_path / "box.zarr", arrays_of(made))
    assert main(["check-box", str(tmp_path / "box.zarr")]) == 0
    said = capsys.readouterr().out
    assert "they fit" in said
    assert "source: arrays" in said
    write_arrays(tmp_path / "less.hdf5", {"position": made.position})
    assert main(["check-box", str(tmp_path / "less.hdf5")]) == 1
    said = capsys.readouterr()
    assert "missing or wrong: no linear_density or initial_displacement [1]" in said.out
    assert "cannot be used: 4 things are wrong above" in said.err
    assert main(["check-box", "nowhere"]) == 1
    assert "nowhere is not there" in capsys.readouterr().err

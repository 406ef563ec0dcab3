"""The page of the docs that writes a file of arrays does write one that can be used."""

import runpy

import numpy as np
from conftest import ROOT
from lagbias.simulations.check_box import check_box


def test_the_script_of_the_docs_writes_a_box_that_fits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "docs/how-to/my_arrays.py"))
    found = check_box("mybox.zarr")
    assert not found.faults, found.faults
    fit = next(line for line in found.lines if "they fit" in line)
    numbers = [float(word.strip(",:")) for word in fit.split() if word.startswith(("0.", "1."))]
    np.testing.assert_allclose(numbers, 1, atol=0.02)
    assert len((ROOT / "docs/how-to/my_arrays.py").read_text().splitlines()) < 30

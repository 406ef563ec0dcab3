"""What YAML reads in silence as something else than was meant is told with its line."""

from pathlib import Path

import pytest
from lagbias.base.errors import InputError
from lagbias.config.text import check_text

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [1]\nmesh: 5\nseeds: [2]\n", "line 3: seeds is given twice, first on line 1"),
        ("training:\n  block: 4\n  block: 2\n", "line 3: block is given twice, first on line 2"),
        ("a: [{b: 1, b: 2}]", "line 1: b is given twice, first on line 1"),
        ("box:\n  phase: 010\n", "line 2: 010 begins with 0, and YAML reads it as 8 .*; write 10,"),
        ("seeds: [1, 012]", "line 1: 012 begins with 0, and YAML reads it as 10"),
        ("redshift: 1:30", "line 1: YAML reads 1:30 as a number to base 60"),
    ],
)
def test_text_that_is_read_otherwise_than_meant_is_refused(tmp_path, text, message):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=f"{file}, {message}"):
        check_text(file)


@pytest.mark.parametrize(
    "text",
    [
        "", "a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 1}]", "a: &x {b: 1}\nc: *x\nd: {<<: *x, b: 2}",
        "phase: '010'", "phase: 0", "phase: 001", "phase: 100", "root: 010x", '{"a":\t1}',
        "__use_yte__: true\n?if x:\n  a: 1\n?if y:\n  a: 2\na: 1\na: 2",
    ],
)  # fmt: skip
def test_other_text_is_taken(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    check_text(file)


@pytest.mark.parametrize(
    "file",
    [*(ROOT / "config").glob("*.yaml"), *(ROOT / "benchmarks").glob("*.yaml")],
    ids=lambda file: file.name,
)
def test_configs_of_the_repository_are_taken(file):
    check_text(file)

"""Every rule has its script, every script its rule, and a script is no more than an adapter."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
MAX_STATEMENTS = 20  # lines of the function: an adapter hands over names, it computes nothing


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_adapter_is_imported_without_snakemake(script):
    module = importlib.import_module(script.stem)
    assert callable(module.run)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_adapter_is_short(script):
    body = script.read_text().split("def run(job):")[1].split("\n\n\n")[0]
    assert len(body.strip().splitlines()) <= MAX_STATEMENTS


def test_scripts_and_rules_mirror_each_other():
    used = set(re.findall(r'"../scripts/(\w+)\.py"', RULES))
    rules = set(re.findall(r"^ *rule (\w+):", RULES, flags=re.M))
    assert used == {script.stem for script in SCRIPTS}
    assert rules == used


def test_library_never_imports_snakemake():
    for module in (ROOT / "workflow/scripts/lagbias").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) snakemake", module.read_text(), flags=re.M), module

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


def of_rule(script: str, directive: str) -> set[str]:
    """Names that a directive of the rules of a script gives, ``params: name=…``."""
    found = set()
    for rule in re.split(r"(?m)^ *(?:use )?rule (?=\w+)", RULES)[1:]:
        if f'"../scripts/{script}.py"' in rule:
            body = re.search(rf"(?ms)^ *{directive}:\n(.*?)(?=^ {{4,8}}\w+:)", rule)
            found |= set(re.findall(r"(?m)^ {8,12}(\w+)=", body[1])) if body else set()
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("directive", ["params", "wildcards"])
def test_a_rule_gives_its_script_what_it_asks_for(script, directive):
    asked = set(re.findall(rf"job\.{directive}\.(\w+)", script.read_text()))
    if directive == "params":
        assert asked <= of_rule(script.stem, directive)
        return
    paths = re.findall(r"\{(\w+)\}", "".join(of_outputs(script.stem)))
    assert asked <= set(paths)


def of_outputs(script: str) -> list[str]:
    """Text of the outputs of the rules of a script."""
    rules = re.split(r"(?m)^ *(?:use )?rule (?=\w+)", RULES)[1:]
    return [rule.partition("output:")[2] for rule in rules if f'"../scripts/{script}.py"' in rule]

"""Every rule has its script, every script its rule, and a script is no more than an adapter."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
# What takes a quarter of a second or more to import, and which jobs may load it.
LARGE = {
    "torch", "pytorch_lightning", "torchmetrics", "scipy.stats", "scipy.signal", "matplotlib",
    "astropy.table", "asdf", "requests", "torch._dynamo", "sympy",
}  # fmt: skip
MAY_LOAD = {
    "": set(), "plot": {"matplotlib"}, "download": {"requests"},
    "simulate": {"asdf", "astropy.table"}, "use networks": {"torch"},
    "train": {"torch", "pytorch_lightning"}, "populate": {"asdf", "astropy.table"},
}  # fmt: skip
USE_NETWORKS = {
    "predict_halo_field", "find_gradient_directions", "explain_model", "measure_calibration",
    "write_model",
}  # fmt: skip
MAX_STATEMENTS = 20  # lines of the function: an adapter hands over names, it computes nothing


def kind_of(adapter: str) -> str:
    if adapter in USE_NETWORKS:
        return "use networks"
    if adapter == "warm_up_simulation":
        return "simulate"
    return next((kind for kind in MAY_LOAD if kind and adapter.startswith(f"{kind}_")), "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_adapter_is_imported_without_snakemake(script):
    module = importlib.import_module(script.stem)
    assert callable(module.run)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_adapter_is_short(script):
    body = script.read_text().split("def run(job):")[1].split("\n\n\n")[0]
    assert len(body.strip().splitlines()) <= MAX_STATEMENTS


@pytest.mark.parametrize("kind", MAY_LOAD)
def test_a_job_loads_no_large_package_that_it_does_not_need(kind):
    """In an interpreter of its own, which knows no more than a job's."""
    adapters = [s.stem for s in SCRIPTS if kind_of(s.stem) == kind]
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, {', '.join(adapters)}; print(*sys.modules)"],
        cwd=SCRIPTS[0].parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert LARGE & set(found.stdout.split()) == MAY_LOAD[kind]


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

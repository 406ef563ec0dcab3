"""An environment file names just what its rules import, in the versions of requirements.lock.

Imports are read from the sources, lazy ones too: from a rule's script through all the modules of
the library that it reaches.
"""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from lagbias.simulations.sources import SOURCES

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
RULES = "\n".join(
    file.read_text()
    for file in [ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
)
FILES = sorted((ROOT / "envs").glob("*.yaml"))

# Where a package, as conda-forge names it, is not called as what is imported. PySCo's modules go by
# their own names inside its process.
PACKAGE_OF = {
    "abacusnbody": "abacusutils",
    "blosc": "python-blosc",
    "cosmotable": "pysco-nbody",
    "initial_conditions": "pysco-nbody",
    "main": "pysco-nbody",
    "pytorch_lightning": "pytorch-lightning",
    "torch": "pytorch",
    "yaml": "pyyaml",
}
# Of pyproject.toml, which asks for packages by their names on PyPI.
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED_NAME = {"pytorch": "torch", "python-blosc": "blosc"}
# Of the interpreter itself, and what installs PySCo.
NOT_IMPORTED = {"python", "pip"}
# PySCo asks for these and runs without: a compiler's library, formats and plots not used here.
PYSCO_DOES_WITHOUT = {"icc-rt", "matplotlib", "pyarrow"}


def package_names(requirements) -> set[str]:
    """Names of requirements as in a package's metadata, without versions, extras apart."""
    return {
        re.match(r"[\w-]+", line)[0].lower().replace("_", "-")
        for line in requirements
        if "extra ==" not in line
    }


def run_time_needs(module: str) -> set[str]:
    """Packages that a module of the library needs and that no import of ours shows."""
    if module == "base.stores":
        return {"h5netcdf"}  # xarray's engine, named in a string
    if module == "simulations.mini.pysco":
        # installed without its dependencies (envs/simulation.post-deploy.sh)
        return package_names(requires("pysco-nbody")) - PYSCO_DOES_WITHOUT
    if module == "figures.report":
        # It runs `python -m snakemake --report`, which wants Pygments and reads all rule files.
        return {"snakemake", "pygments"}.union(*map(needs_to_be_read, rule_file_modules()))
    return set()


def dotted(file: Path) -> str:
    """A module of the library as its rooms name it, ``base.stores``; of a script its name."""
    return ".".join(file.relative_to(SCRIPTS).with_suffix("").parts).removeprefix("lagbias.")


def rule_file_modules() -> list[Path]:
    """Modules of the library that the rule files themselves import."""
    names = re.findall(r"^from (lagbias[.\w]+) import", RULES, flags=re.M)
    return [SCRIPTS / f"{name.replace('.', '/')}.py" for name in names]


def imports(file: Path, lazy: bool = True) -> set[str]:
    """Full names of all modules that a file imports, wherever in it or when it is imported."""
    found, module = set(), ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(module) if lazy else module.body:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return found


def reached(file: Path, lazy: bool = True) -> set[Path]:
    """A file and all modules of the library that it imports, and those, and so on."""
    found, queue = set(), [file]
    while queue:
        file = queue.pop()
        if file not in found:
            found.add(file)
            names = [name for name in imports(file, lazy) if name.startswith("lagbias.")]
            queue += [SCRIPTS / f"{name.replace('.', '/')}.py" for name in names]
    return found


def packages_of(files: set[Path], lazy: bool) -> set[str]:
    """Packages, as conda-forge names them, that some files import."""
    names = set().union(*(imports(file, lazy) for file in files))
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"lagbias"}
    return {PACKAGE_OF.get(top, top) for top in tops}


@cache
def needs(file: Path) -> frozenset[str]:
    """Packages, as conda-forge names them, that a script or module needs to run."""
    files = reached(file)
    if "lagbias.simulations.sources" in imports(file):  # it opens a box of any source by its place
        readers = {source.reader.partition(":")[0] for source in SOURCES.values()}
        files = files.union(*(reached(SCRIPTS / f"{r.replace('.', '/')}.py") for r in readers))
    return frozenset(
        packages_of(files, lazy=True).union(*(run_time_needs(dotted(member)) for member in files))
    )


def needs_to_be_read(file: Path) -> set[str]:
    """Packages that a module needs to be imported, as the rule files do."""
    return packages_of(reached(file, lazy=False), lazy=False)


def pins(file: Path) -> dict[str, str]:
    """Packages and versions of an environment file, and of the script that ends its making."""
    lines = yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]
    found = {name: version for name, _, version in (line.partition("=") for line in lines)}
    script = file.with_suffix(".post-deploy.sh")
    if script.exists():
        found |= dict(re.findall(r"([\w-]+)==([\w.]+)", script.read_text()))
    return found


def environments() -> dict[str, tuple[str, str]]:
    """Environment file and script of every rule that has a script."""
    found = {}
    for name, body in re.findall(r"^ *rule (\w+):\n(.*?)(?=^ *rule |\Z)", RULES, re.M | re.S):
        script = re.search(r'script:\s+"\.\./scripts/(\w+)\.py"', body)
        if script:
            conda = re.search(r'conda:\s+"\.\./\.\./envs/(\w+)\.yaml"', body)
            assert conda, f"rule {name} has a script and no environment"
            found[name] = (conda[1], script[1])
    return found


RULES_WITH_SCRIPTS = environments()


def test_every_script_and_every_file_has_its_rule():
    scripts = {script for _, script in RULES_WITH_SCRIPTS.values()}
    assert scripts == {file.stem for file in SCRIPTS.glob("*.py")}
    assert {file for file, _ in RULES_WITH_SCRIPTS.values()} == {file.stem for file in FILES}


@pytest.mark.parametrize("rule", RULES_WITH_SCRIPTS)
def test_everything_a_rule_imports_is_in_its_file(rule):
    environment, script = RULES_WITH_SCRIPTS[rule]
    missing = needs(SCRIPTS / f"{script}.py") - set(pins(ROOT / f"envs/{environment}.yaml"))
    assert not missing, f"envs/{environment}.yaml lacks {missing} for rule {rule}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_everything_in_a_file_is_imported_by_one_of_its_rules(file):
    scripts = [script for name, script in RULES_WITH_SCRIPTS.values() if name == file.stem]
    used = frozenset().union(*(needs(SCRIPTS / f"{script}.py") for script in scripts))
    unused = set(pins(file)) - used - NOT_IMPORTED
    assert not unused, f"no rule of {file.name} imports {unused}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_versions_are_those_of_the_lock(file):
    installed = (ROOT / "requirements.lock").read_text() + (ROOT / "Makefile").read_text()
    locked = dict(re.findall(r"([\w.-]+)==([\w.]+)", installed))
    locked = {name.lower().replace("_", "-"): version for name, version in locked.items()}
    found = {name: version for name, version in pins(file).items() if name not in NOT_IMPORTED}
    expected = {name: locked.get(LOCKED_NAME.get(name, name)) for name in found}
    assert found == expected


def versions_seen() -> dict[str, tuple[str, str]]:
    """Channel and version of every package in the table of docs/how-to/conda.md."""
    page = (ROOT / "docs/how-to/conda.md").read_text()
    rows = re.findall(r"^\| ([\w-]+) \| (\d[\w.]*) \| ([\w-]+) \|", page, re.M)
    return {package: (channel, version) for package, version, channel in rows}


def test_every_pin_is_in_the_table_of_versions_seen():
    """PySCo, of a post-deploy script, is on PyPI alone."""
    seen, pinned = versions_seen(), {}
    for file in FILES:
        content = yaml.safe_load(file.read_text())
        for line in content["dependencies"]:
            name, _, version = line.partition("=")
            if name not in NOT_IMPORTED:
                pinned[name] = version
                channel = seen.get(name, ("no channel", ""))[0]
                assert channel in content["channels"], f"{file.name}, {name}: {channel}"
    assert pinned == {name: version for name, (_, version) in seen.items()}


def test_environments_have_the_oldest_python_that_is_asked_for():
    for file in FILES:
        assert f">={pins(file)['python']}" == PROJECT["requires-python"], file.name
        assert "nodefaults" in yaml.safe_load(file.read_text())["channels"]


def test_rule_files_are_read_with_what_snakemake_brings():
    """With --use-conda, Snakemake may be alone in its environment when it reads the rules."""
    needed = frozenset().union(*map(needs_to_be_read, rule_file_modules()))
    assert needed, "the rule files import nothing of the library: is the test blind?"
    assert needed <= package_names(requires("snakemake"))


def test_project_asks_for_all_that_is_imported():
    asked = [*PROJECT["dependencies"]]
    for extra in ("simulation", "workflow"):
        asked += PROJECT["optional-dependencies"][extra]
    imported = frozenset().union(*map(needs, SCRIPTS.glob("*.py")))
    # PySCo is installed apart (pyproject.toml says why).
    names = {LOCKED_NAME.get(name, name) for name in imported - {"pysco-nbody"}}
    missing = names - package_names(asked)
    assert not missing, f"pyproject.toml lacks {missing}"


def test_one_least_version_of_snakemake():
    (asked,) = PROJECT["optional-dependencies"]["workflow"]
    wanted = re.search(r'min_version\("(.*)"\)', (ROOT / "workflow/Snakefile").read_text())[1]
    assert asked == f"snakemake>={wanted}"
    assert pins(ROOT / "envs/report.yaml")["snakemake"] == wanted, "what the tests run with"

"""The workflow from another folder, and as a module of another workflow: plans, and one job each.

Results go to the working directory; rules, library, schema and texts come from the repository.
"""

import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from conftest import copy_repository, plant_box
from lagbias.base.stores import open_store
from test_dag import planned, snakemake

BOX = "AbacusPlanted_small_c000_ph000"
TARGET = f"results/{BOX}/halos/N50.zarr"
ROOT = Path(__file__).parents[2]
MODULE = """
module lagbias:
    snakefile: {snakefile!r}
    {more}

use rule * from lagbias as lagbias_*
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> dict:
    """The tiny config and a made-up box that needs no simulation."""
    root = tmp_path_factory.mktemp("boxes")
    plant_box(root, BOX, box_size=50.0)
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    config["simulations"][BOX] = {"source": "local", "root": str(root), "density_grid": 24}
    return config


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def written(config: dict, file: Path) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return str(file)


def made(folder: Path, *arguments: str) -> None:
    """Make the small target, which is then in a folder, and nothing left to do."""
    run = snakemake(folder, "--cores", "1", *arguments, TARGET)
    assert run.returncode == 0, run.stdout + run.stderr
    assert open_store(folder / TARGET).attrs["simulation"] == BOX
    assert planned(folder, *arguments, TARGET) == {}
    for name in ("results", "logs"):
        assert (folder / name).is_dir()


def test_from_another_folder_the_config_there_comes_first(repository, config, elsewhere):
    command = ["--snakefile", str(repository / "Snakefile")]
    assert planned(elsewhere, *command)["make_report"] == 1, "the default of the repository"
    written(config, elsewhere / "config/config.yaml")
    made(elsewhere, *command)
    assert not (repository / "results").exists()


def test_into_another_folder(repository, config, elsewhere, tmp_path):
    given = ["--configfile", written(config, tmp_path / "config.yaml"), "--"]
    command = ["--directory", str(elsewhere)]
    assert planned(repository, *command)["make_report"] == 1
    run = snakemake(repository, "--cores", "1", *command, *given, TARGET)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (elsewhere / TARGET).is_dir()
    assert not (repository / "results").exists()


def test_as_a_module(repository, config, elsewhere):
    """The config is the one handed over, or the repository's own, never that of the outer one."""
    snakefile = elsewhere / "Snakefile"
    written({"lagbias": config, "other": 1}, elsewhere / "config/config.yaml")
    module = MODULE.format(snakefile=str(repository / "Snakefile"), more="")
    snakefile.write_text(module)
    assert planned(elsewhere, "lagbias_all")["lagbias_make_report"] == 1
    module = MODULE.format(
        snakefile=str(repository / "Snakefile"), more='config: config["lagbias"]'
    )
    snakefile.write_text('configfile: "config/config.yaml"\n' + module)
    assert planned(elsewhere, "lagbias_all")["lagbias_make_report"] == 1
    seeds = planned(elsewhere, "lagbias_all", "--config", "lagbias={seeds: [1,2,3,4]}")
    assert seeds["lagbias_train_network"] % 4 == 0
    made(elsewhere)


def test_inside_the_repository_its_files_are_named_as_results_are(repository):
    """Paths are part of what Snakemake remembers: in another form they would re-run everything."""
    run = snakemake(repository, "--filegraph", "results/report.html")
    assert ">workflow/report/claims.rst<" in run.stdout, run.stdout + run.stderr
    assert str(repository) not in run.stdout


@pytest.mark.parametrize("more", ['prefix: "sub"', 'replace_prefix: {"results": "out"}'])
def test_a_prefix_is_refused(repository, elsewhere, more):
    module = MODULE.format(snakefile=str(repository / "Snakefile"), more=more)
    (elsewhere / "Snakefile").write_text(module)
    run = snakemake(elsewhere, "-n", "lagbias_all")
    assert run.returncode != 0
    assert "module: found a prefix, expected none" in run.stdout + run.stderr


@pytest.fixture
def published(repository, tmp_path, monkeypatch) -> Path:
    """The repository in git, which is what git finds under github.com/someone/lagbias.

    Returns
    -------
    folder : path of the repository; its one commit has the tag v1.0.0
    """
    host = tmp_path / "github.com"
    folder = shutil.copytree(repository, host / "someone/lagbias")
    me = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], [*me, "commit", "-qm", "all"], ["tag", "v1.0.0"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{host.as_uri()}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    return folder


@pytest.mark.parametrize(
    "snakefile",
    [
        'github("someone/lagbias", path="workflow/Snakefile", tag="v1.0.0")',
        'LocalGitFile("{folder}", "workflow/Snakefile", commit="HEAD")',
    ],
    ids=["github", "local"],
)
def test_as_a_module_from_git(published, config, elsewhere, snakefile):
    written({"lagbias": config}, elsewhere / "config/config.yaml")
    module = MODULE.format(snakefile="", more='config: config["lagbias"]')
    (elsewhere / "Snakefile").write_text(
        "from snakemake.sourcecache import LocalGitFile\n"
        'configfile: "config/config.yaml"\n'
        + module.replace("''", snakefile.format(folder=published))
    )
    assert planned(elsewhere, "lagbias_all")["lagbias_make_report"] == 1
    made(elsewhere)
    (checkout,) = (elsewhere / ".snakemake/lagbias").iterdir()
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=published, text=True)
    assert checkout.name == commit.strip()


def test_deployed_by_snakedeploy(published, config, elsewhere):
    """What snakedeploy writes works as it is: rules keep their names, `all` is the default."""
    pytest.importorskip("snakedeploy", reason="snakedeploy is not installed")
    deploy = ["deploy-workflow", published.as_uri(), str(elsewhere), "--tag", "v1.0.0"]
    subprocess.run(
        [sys.executable, "-c", "from snakedeploy.client import main; main()", *deploy],
        check=True, capture_output=True,
    )  # fmt: skip
    assert planned(elsewhere)["make_report"] == 1
    written(config, elsewhere / "config/config.yaml")
    made(elsewhere)


def test_a_snakefile_that_is_neither_on_a_disk_nor_in_git_is_refused(repository, elsewhere):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_): ...

    with ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=repository)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}/workflow/Snakefile"
        (elsewhere / "Snakefile").write_text(MODULE.format(snakefile=address, more=""))
        run = snakemake(elsewhere, "-n", "lagbias_all")
        server.shutdown()
    assert run.returncode != 0
    assert f"module: found a Snakefile at {address.rpartition('/')[0]}" in run.stdout + run.stderr
    assert "git clone" in run.stdout + run.stderr

"""Where the files of this repository lie: a run may be in any folder, or a module."""

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError


def checked_out(source):
    """Folder of the repository at the commit that Snakemake reads a Snakefile of from git.

    Jobs import the library, so that it has to be on a disk: below the folder of the run.
    """
    import git  # Snakemake brings it; not at every start of a job

    hosted = getattr(source, "hosted_repo", None)
    repository = hosted.repo if hosted else git.Repo(source.repo_path)
    commit = repository.commit(source.ref).hexsha
    folder = Path(".snakemake/lagbias").absolute() / commit
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as part:
            repository.git.archive(commit, output=f"{part}/all.tar")
            shutil.unpack_archive(f"{part}/all.tar", f"{part}/{commit}")
            os.rename(f"{part}/{commit}", folder)
    return folder


if workflow.modifier.path_modifier.replace_prefix("results/") != "results/":
    raise WorkflowError(
        "module: found a prefix, expected none, since jobs of this workflow look for boxes in "
        "resources/ themselves; leave it out, or run the workflow by itself with --directory"
    )

BASE = workflow.current_basedir
if hasattr(BASE, "ref"):
    ROOT = checked_out(BASE)
elif os.path.isabs(str(BASE)):
    ROOT = Path(str(BASE)).parents[1]
else:
    raise WorkflowError(
        f"module: found a Snakefile at {BASE}, expected one on a disk of this machine or in a git "
        'repository; write snakefile: github("OWNER/lagbias", path="workflow/Snakefile", '
        "tag=...), or `git clone` the repository and name the path of its Snakefile"
    )
SCRIPTS = ROOT / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))
# Snakemake writes the path of its Python into shell commands as it is (snakemake issues 1546 and
# 2645): one with a space or a quote has to be quoted here. Once, for there may be two modules.
if os.path.exists(sys.executable):
    sys.executable = shlex.quote(sys.executable)

IS_MODULE = os.path.realpath(workflow.main_snakefile) not in map(
    os.path.realpath, [ROOT / "Snakefile", ROOT / "workflow/Snakefile"]
)


def of_repository(file):
    """Path of a file of this repository: relative where Snakemake runs in it, as results are."""
    return str(file.relative_to(ROOT) if os.path.samefile(ROOT, ".") else file)


def default_config():
    """The config of the folder that Snakemake runs in, or else the one of this repository.

    The folder of a workflow that has this one as a module has a config of that workflow.
    """
    own = Path("config/config.yaml")
    return str(own if own.exists() and not IS_MODULE else ROOT / own)


def stands_alone():
    """Does a --configfile name boxes? --config changes single keys, and single boxes, only."""
    given = [] if IS_MODULE else workflow.overwrite_configfiles
    return any("simulations" in load_configfile(file) for file in given)

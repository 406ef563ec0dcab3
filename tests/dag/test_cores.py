"""No more jobs at once than cores, where Snakemake itself forgets one (its issue 3913)."""

import re
import subprocess
import sys
from pathlib import Path

RULES = Path(__file__).parents[2] / "workflow/rules/cores.smk"
# Two jobs of two cores each become ready when a job ends that was ready alone. The rules are
# included twice, as where two modules have them.
SNAKEFILE = f"""
include: {str(RULES)!r}
include: {str(RULES)!r}

rule all:
    input: "one", "two"

rule first:
    output: "first"
    threads: 2
    shell: "touch {{output}}"

rule second:
    input: "first"
    output: "{{name}}"
    wildcard_constraints: name="one|two"
    threads: 2
    shell: "date +began=%s%N; sleep 1; date +ended=%s%N; touch {{output}}"
"""


def test_a_job_that_is_ready_alone_is_counted(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--scheduler", "greedy"]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    began = sorted(map(int, re.findall(r"began=(\d+)", run.stdout)))
    ended = sorted(map(int, re.findall(r"ended=(\d+)", run.stdout)))
    assert len(began) == 2
    assert began[1] >= ended[0], "both ran at once"

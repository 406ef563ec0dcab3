"""What `make report` shows: one line a job, all of an error, and how long is left."""

import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow/terminal"))

from snakemake_logger_plugin_lines import LogHandler
from snakemake_logger_plugin_lines.progress import Progress, in_words


@pytest.fixture
def shown(capsys):
    """Gives records to the plugin and returns what it writes to a file that is no terminal."""
    handler = LogHandler(SimpleNamespace(stdout=False), None)
    handler.setFormatter(DefaultFormatter(None))

    def show(*records: dict) -> list[str]:
        for fields in records:
            fields = {"msg": "", "levelno": logging.INFO, "levelname": "INFO", **fields}
            handler.emit(logging.makeLogRecord(fields))
        return capsys.readouterr().err.splitlines()

    return show


def job(number: int, at: float = 0.0, **fields) -> dict:
    record = {"event": LogEvent.JOB_INFO, "jobid": number, "rule_name": "train", "rule_msg": None,
              "wildcards": {}, "reason": "a page\n of reasons", "input": ["many", "files"],
              "created": at}  # fmt: skip
    return record | fields


def finished(number: int, at: float) -> dict:
    return {"event": LogEvent.JOB_FINISHED, "job_id": number, "created": at}


def counted(**stats: int) -> dict:
    return {"event": LogEvent.RUN_INFO, "stats": stats | {"total": sum(stats.values())}}


def test_a_job_is_one_line_with_its_number_and_what_it_does(shown):
    lines = shown(counted(train=12), job(7, rule_msg="Training R2"), finished(7, 60.0),
                  job(3, 60.0, wildcards={"seed": "1"}))  # fmt: skip
    assert lines[0] == "12 jobs"
    assert [line.split(" ", 1)[1].split("  (")[0] for line in lines[1:]] == [
        " 1/12  Training R2", " 2/12  train seed 1",
    ]  # fmt: skip
    assert len(lines) == 3, "a job that ends says nothing"


def test_a_job_that_is_tried_again_keeps_its_number(shown):
    lines = shown(counted(train=3), job(1), job(2), job(1))
    assert [line.split()[1] for line in lines[1:]] == ["1/3", "2/3", "1/3"]


def test_what_is_for_the_log_file_is_left_out(shown):
    chatter = [
        "Building DAG of jobs...",
        "Select jobs to execute...",
        "host: a",
        "Provided cores: 2",
    ]
    assert shown(*({"msg": text} for text in chatter)) == []
    assert shown({"event": LogEvent.PROGRESS, "done": 1, "total": 2}) == []


def test_warnings_errors_and_the_end_are_shown(shown):
    said = [
        {"msg": "Nothing to be done (all requested files are present and up to date)."},
        {"msg": "Execute no more: disk full", "levelno": logging.ERROR, "levelname": "ERROR"},
        {"msg": "Complete log(s): a.log"},
    ]
    assert shown(*said) == [record["msg"] for record in said]


def test_an_error_of_a_job_names_rule_and_log(shown):
    lines = shown({
        "event": LogEvent.JOB_ERROR, "levelno": logging.ERROR, "rule_name": "train_network",
        "rule_msg": "Training", "jobid": 3, "input": ["features.zarr"], "output": ["weights.pt"],
        "log": ["logs/train.log"], "conda_env": None, "shellcmd": None, "aux": {},
    })  # fmt: skip
    assert "Error in rule train_network:" in lines
    assert "    log: logs/train.log (check log file(s) for error details)" in lines
    assert "    output: weights.pt" in lines


def test_time_left_is_by_what_jobs_of_a_rule_took():
    progress = Progress(0.0, Counter(train=10, plot=10))
    assert progress.left(0.0) is None
    progress.start(1, "train", 0.0)
    progress.finish(1, 100.0)
    progress.start(2, "plot", 100.0)
    progress.finish(2, 110.0)
    assert progress.left(110.0) == pytest.approx(9 * 100 + 9 * 10)


def test_jobs_side_by_side_take_less_time():
    progress = Progress(0.0, Counter(train=10))
    for number in (1, 2):
        progress.start(number, "train", 0.0)
    for number in (1, 2):
        progress.finish(number, 100.0)
    for number in (3, 4):
        progress.start(number, "train", 100.0)
    assert progress.left(150.0) == pytest.approx((8 * 100 - 2 * 50) / 2)


def test_a_rule_that_was_not_seen_yet_is_like_the_rest():
    progress = Progress(0.0, Counter(train=1, plot=3))
    progress.start(1, "train", 0.0)
    progress.finish(1, 10.0)
    assert progress.left(10.0) == pytest.approx(30)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (20, "under a minute left"), (540, "about 9 min left"),
     (3 * 3600, "about 3 h left")],
)  # fmt: skip
def test_time_left_in_words(seconds, words):
    assert in_words(seconds) == words


def test_a_job_shows_progress_and_warnings_and_logs_all(tmp_path):
    """In a process of its own, since a job sets up logging for all of it."""
    script = f"""
import logging, sys
from types import SimpleNamespace
sys.path.insert(0, {str(Path(__file__).parents[2] / "workflow/scripts")!r})
from lagbias.base.jobs import PROGRESS, reporting
with reporting(SimpleNamespace(log=["job.log"], rule="train", wildcards=["mini", "", "R2"])):
    log = logging.getLogger("lagbias.any")
    log.info("a detail")
    log.log(PROGRESS, "epoch 1/2")
    log.warning("beware")
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stderr.splitlines() == ["[train mini R2] epoch 1/2", "[train mini R2] beware"]
    logged = (tmp_path / "job.log").read_text()
    for words in ("a detail", "epoch 1/2", "beware", "peak memory"):
        assert words in logged, logged

"""A script whose text is as it was has the time stamp that it had, or counts as edited."""

import os

import pytest
from lagbias.plan.script_times import keep_times

BEFORE, AFTER = 1_000_000_000 * 10**9, 1_500_000_000 * 10**9


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "scripts/job.py"
    file.parent.mkdir()
    return file


@pytest.fixture
def looked_at(script, tmp_path):
    """Write the script at a time, let it be looked at, and return its time stamp."""

    def look(text: str, time: int, runs: bool) -> int:
        script.write_text(text)
        os.utime(script, ns=(time, time))
        keep_times([script], tmp_path / "state/times.json", runs=runs)
        return script.stat().st_mtime_ns

    return look


@pytest.mark.parametrize("runs", [False, True])
def test_a_touched_script_is_not_edited(looked_at, runs):
    assert looked_at("a", BEFORE, runs) == BEFORE
    assert looked_at("a", AFTER, runs) == BEFORE


@pytest.mark.parametrize("runs", [False, True])
def test_an_edited_script_is(looked_at, runs):
    looked_at("a", BEFORE, runs)
    assert looked_at("b", AFTER, runs) == AFTER


def test_a_text_that_comes_back_is_as_it_was_if_nothing_ran_meanwhile(looked_at):
    looked_at("a", BEFORE, runs=True)
    looked_at("b", AFTER, runs=False)
    assert looked_at("a", AFTER + 1, runs=True) == BEFORE


def test_a_text_that_comes_back_after_a_run_of_another_is_edited(looked_at):
    """There may be outputs of the other one, newer than this text was."""
    looked_at("a", BEFORE, runs=True)
    looked_at("b", AFTER, runs=True)
    assert looked_at("a", AFTER + 1, runs=False) == AFTER + 1


def test_an_older_time_stamp_stays(looked_at):
    looked_at("a", AFTER, runs=True)
    assert looked_at("a", BEFORE, runs=True) == BEFORE
    assert looked_at("a", AFTER, runs=True) == BEFORE


def test_a_record_that_cannot_be_read_changes_nothing(looked_at, tmp_path):
    looked_at("a", BEFORE, runs=True)
    (tmp_path / "state/times.json").write_text("{")
    assert looked_at("a", AFTER, runs=True) == AFTER
    assert looked_at("a", AFTER + 1, runs=True) == AFTER, "written anew"

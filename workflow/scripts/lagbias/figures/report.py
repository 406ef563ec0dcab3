"""The report: Snakemake's own self-contained HTML behind a front page, as an ordinary file."""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lagbias.base.errors import RunError
from lagbias.base.files import written_whole
from lagbias.figures.front_page import with_front_page

log = logging.getLogger(__name__)


class ReportError(RunError):
    """Snakemake could not make the report; the message holds the end of what it said."""


def make_report(
    snakefile: str,
    config: dict,
    targets: Sequence[str],
    template: str | Path,
    output: str | Path,
) -> None:
    """Let Snakemake write its report of some finished targets, and put the front page before it.

    Parameters
    ----------
    snakefile : path
    config : dict
        The config of the running workflow, so that the report describes the same run.
    targets : files that the report shows
    template : path of the front page
    output : path of the HTML file

    Raises
    ------
    ReportError
        If Snakemake fails.
    FrontPageError
        If what it writes has another form than that of Snakemake 9.16.
    """
    with tempfile.TemporaryDirectory() as folder, written_whole(output) as partial:
        settings = Path(folder) / "config.json"
        settings.write_text(json.dumps(config), encoding="utf-8")
        page = Path(folder) / "report.html"
        # Not locked: this runs inside the very workflow that holds the lock, and only reads.
        command = [
            sys.executable, "-m", "snakemake", *targets, "--nolock", "--snakefile", snakefile,
            "--configfile", str(settings), "--report", str(page),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        log.info("%s", done.stderr)
        if done.returncode:
            raise ReportError(
                "snakemake --report failed:\n" + "\n".join(done.stderr.splitlines()[-15:])
            )
        text = with_front_page(page.read_text(encoding="utf-8"), template, config)
        partial.write_text(text, encoding="utf-8")

"""What a person sees of a run: one line a job, with how far the whole is and how long is left.

A logger plugin of Snakemake, which finds it by its name:

    PYTHONPATH=workflow/terminal snakemake --cores 2 --logger lines

Reasons, inputs and all else are in Snakemake's own log file. Warnings and errors are shown in full.
"""

import re
import sys
import time
from collections import Counter
from logging import WARNING, LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from .progress import Progress, in_words

# Of the log file alone.
LEFT_OUT = {LogEvent.JOB_STARTED, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO, LogEvent.SHELLCMD}
CHATTER = re.compile(
    "Assuming unrestricted shared filesystem|host: |Using shell: |Provided cores: |Building DAG of "
    "jobs|Rules claiming more threads|Conda environments: ignored|Select jobs to execute|Execute |"
    "Touching output file"
)


class LogHandler(LogHandlerBase):
    """Writes the lines; takes filter and form of all but jobs from Snakemake."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.progress = Progress(time.time(), Counter())

    def emit(self, record: LogRecord) -> None:
        """Write what a record says to a person, if anything."""
        try:
            line = self.line_of(record)
            if line:
                stream = sys.stdout if self.common_settings.stdout else sys.stderr
                print(line, file=stream, flush=True)
        except Exception:
            self.handleError(record)

    def line_of(self, record: LogRecord) -> str:
        """A line of the terminal; nothing if the log file alone has the record."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            counts = Counter(record.stats)
            self.progress.counts = Counter(
                {rule: n for rule, n in counts.items() if rule != "total"}
            )
            return f"{self.progress.total} jobs"
        if event == LogEvent.JOB_INFO:
            return self.line_of_job(record)
        if event == LogEvent.JOB_FINISHED:
            self.progress.finish(record.job_id, record.created)
            return ""
        chatter = event is None and record.levelno < WARNING and CHATTER.match(record.getMessage())
        return "" if chatter or event in LEFT_OUT else self.format(record)

    def line_of_job(self, record: LogRecord) -> str:
        """A job's number, what it does, and how long the whole still takes."""
        number = self.progress.start(record.jobid, record.rule_name, record.created)
        total, left = self.progress.total, in_words(self.progress.left(record.created))
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        wildcards = ", ".join(f"{name} {value}" for name, value in record.wildcards.items())
        what = record.rule_msg or f"{record.rule_name} {wildcards}".rstrip()
        return f"{clock} {number:>{len(str(total))}}/{total}  {what}" + (
            f"  ({left})" if left else ""
        )

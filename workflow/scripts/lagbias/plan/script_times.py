"""Time stamps of the rules' scripts, by which Snakemake tells whether they were edited.

Of inputs it compares contents; of a script it sees the time stamp alone. A `touch`, a `cp -r`, or a
`git switch` to and fro would run every job again whose script is as it was.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from lagbias.base.errors import StorageError
from lagbias.base.files import written_whole


def keep_times(scripts: Iterable[Path], record: Path, *, runs: bool) -> None:
    """Give scripts whose text is in the record the time stamp that this text had first.

    A run may make outputs by the scripts as they are. Of texts that are not these nothing is known
    from then on: the record forgets them, and what comes back later counts as edited.

    Parameters
    ----------
    scripts : paths
    record : path of a JSON file
        Time stamps [ns] of texts seen, by name of the script and SHA-256.
    runs : bool
        False for a dry run, which makes nothing.
    """
    try:
        seen = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        seen = {}
    now = {}
    try:
        for script in sorted(scripts):
            text, stat = hashlib.sha256(script.read_bytes()).hexdigest(), script.stat()
            known = seen.get(script.name, {})
            first = min(known.get(text, stat.st_mtime_ns), stat.st_mtime_ns)
            if first < stat.st_mtime_ns:
                os.utime(script, ns=(stat.st_atime_ns, first))
            now[script.name] = ({} if runs else known) | {text: first}
        if now != seen:
            with written_whole(record) as partial:
                partial.write_text(json.dumps(now, indent=1))
    except (OSError, StorageError):
        return  # a repository that must not be written to: time stamps stay as they are

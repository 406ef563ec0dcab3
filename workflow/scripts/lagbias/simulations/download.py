"""One file of AbacusSummit's public tree, fetched over HTTPS.

A file grows beside its place as ``.{name}.partial`` and is renamed when it has all its bytes and
the sum that the folder's ``checksums.crc32`` gives (GNU cksum), so what carries the final name is
whole. ``.{name}.partial.json`` says of which remote file (URL, size, ETag, Last-Modified) the part
is: a part of another one is not continued.
"""

import errno
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, cast

import requests

from lagbias.base.jobs import PROGRESS
from lagbias.simulations.abacus.checksums import CHECKSUM_LIST
from lagbias.simulations.manifest import PUBLIC_TREE, readable
from lagbias.simulations.remote import (
    PATIENT,
    Checksum,
    DownloadError,
    DownloadSettings,
    Hiccup,
    RemoteState,
    listed_checksum,
    one_scheme_session,
    persist,
    reason,
    remote_url,
    request,
)

log = logging.getLogger(__name__)


def download_file(
    path: str,
    root: str | Path,
    url_base: str = PUBLIC_TREE,
    settings: DownloadSettings = PATIENT,
) -> Path:
    """Fetch one file of a public tree, resume it where it broke off, verify and protect it.

    Parameters
    ----------
    path : str
        The file's path in the tree, below both ``root`` and ``url_base``.
    root : str or Path
        Folder that mirrors the tree.
    url_base : str
        Address of the tree, http or https.
    settings : DownloadSettings

    Returns
    -------
    Path
        The file, whole and read-only. One that is there already is verified, not fetched.

    Raises
    ------
    DownloadError
        If it cannot be had whole; what was fetched of it is kept for the next run, unless its
        sum is wrong.
    InputError
        If the path or the address is none.
    """
    url = remote_url(url_base, path)
    destination = Path(root) / path
    with one_scheme_session(url) as session:
        expected = listed_checksum(session, url, destination, settings)
        download = Download(session, url, destination, expected, settings)
        if destination.exists():
            download.verify_present()
        else:
            download.run()
    return destination


class Download:
    """One file on its way from ``url`` to ``destination``.

    Parameters
    ----------
    session : requests.Session
    url : str
    destination : Path
    expected : Checksum or None
        What the list of its folder says; None if the folder has no list.
    settings : DownloadSettings
    """

    def __init__(
        self,
        session: requests.Session,
        url: str,
        destination: Path,
        expected: Checksum | None,
        settings: DownloadSettings,
    ):
        self.session = session
        self.url = url
        self.destination = destination
        self.expected = expected
        self.settings = settings
        self.partial = destination.with_name(f".{destination.name}.partial")
        self.key = destination.with_name(f".{destination.name}.partial.json")

    def run(self) -> None:
        """Fetch, verify, rename, protect."""
        wrong = ""
        with self.partial_file() as file:
            for _ in range(self.settings.fetches):
                persist(
                    lambda: self.attempt(file),
                    f"{self.destination} from {self.url}",
                    f"what came is kept in {self.partial}: run again to go on from there",
                    self.settings,
                )
                if not self.expected or (found := Checksum.of(self.partial)) == self.expected:
                    self.publish(file)
                    return
                self.start_afresh(file)
                log.warning(
                    "%s: wrong sum %d, expected %d; removed",
                    self.partial,
                    found.crc,
                    self.expected.crc,
                )
                wrong = (
                    f"found CRC {found.crc} of {found.size} bytes, expected {self.expected.crc} of "
                    f"{self.expected.size}"
                )
        raise DownloadError(
            f"{self.destination} from {self.url}: wrong sum in {self.settings.fetches} fetches, "
            f"{wrong} by {CHECKSUM_LIST}; nothing is kept: run again later, and if "
            "it stays so the file on the server is damaged or its list out of date"
        )

    def verify_present(self) -> None:
        """Hold a file that is there already against the list."""
        if self.expected and (found := Checksum.of(self.destination)) != self.expected:
            raise DownloadError(
                f"{self.destination} is there, but with CRC {found.crc} of {found.size} bytes; "
                f"expected {self.expected.crc} of {self.expected.size} by the list beside "
                f"{self.url}; delete it and run again to fetch it"
            )
        log.info("%s is there already%s", self.destination, "" if self.expected else ", unverified")

    @contextmanager
    def partial_file(self) -> Iterator[BinaryIO]:
        """The part on disk, open for appending, locked; removed at the end if it is empty."""
        try:
            self.destination.parent.mkdir(parents=True, exist_ok=True)
            file = open(self.partial, "ab", buffering=0)
        except OSError as error:
            raise self.disk_error(error) from error
        with file:
            # A job outlives a Snakemake that was killed; two writers would spoil the part.
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DownloadError(
                    f"{self.partial} is being written by another process, perhaps left over from "
                    f"a run that was killed; wait for it or end it, then fetch {self.url} again"
                ) from error
            except OSError as error:
                log.warning("%s cannot be locked (%s): run only once", self.partial, error)
            try:
                yield file
            finally:
                if size_of(file) == 0:
                    self.partial.unlink(missing_ok=True)
                    self.key.unlink(missing_ok=True)

    def attempt(self, file: BinaryIO) -> None:
        """Ask once for what is missing of the part, and append it.

        Raises
        ------
        Hiccup
            If the part is not complete in size after it.
        """
        known = self.known_state()
        if size_of(file) and known is None:
            self.start_afresh(file)
        have = size_of(file)
        if known and have == known.size:
            return
        headers = {"Range": f"bytes={have}-", **known.condition()} if have and known else {}
        if have:
            log.info("%s: going on from %s", self.destination.name, readable(have))
        with request(self.session, self.url, self.destination, headers, self.settings) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.start_afresh(file)
                raise Hiccup(f"the server has no bytes after {have}; starting afresh")
            state = RemoteState.of(self.url, response)
            if response.status_code == requests.codes.partial_content:
                begins = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
                if not (have and begins and known and state.agrees_with(known)):
                    self.start_afresh(file)
                    raise Hiccup("the server sent a part of another file; starting afresh")
                state = known
            else:
                state = self.begin(file, state)
            self.receive(file, response, cast(int, state.size))  # `begin` refuses to have none

    def begin(self, file: BinaryIO, state: RemoteState) -> RemoteState:
        """Start the part of a whole response, and note of what it is a part."""
        if size_of(file):
            log.warning(
                "%s: starting afresh, as it changed on the server or the server does not resume",
                self.destination.name,
            )
        self.start_afresh(file)
        listed = self.expected and self.expected.size
        if state.size is None and listed is None:
            raise DownloadError(
                f"{self.destination} from {self.url}: the server gives neither a length nor a "
                f"{CHECKSUM_LIST}, so a whole file cannot be told from a short one; use another "
                "mirror in `download: url`"
            )
        if None not in (state.size, listed) and state.size != listed:
            raise DownloadError(
                f"{self.destination} from {self.url}: the server offers {state.size} bytes, "
                f"expected {listed} by {CHECKSUM_LIST}; run again later, and if it stays so the "
                "file on the server is cut short or its list out of date"
            )
        state = RemoteState(**{**asdict(state), "size": state.size or listed})
        try:
            self.key.write_text(json.dumps(asdict(state)), encoding="utf-8")
        except OSError as error:
            raise self.disk_error(error) from error
        return state

    def receive(self, file: BinaryIO, response: requests.Response, size: int) -> None:
        """Append the body of a response until the part has ``size`` bytes."""
        start = have = size_of(file)
        progress = Progress(self.destination.name, start, size, self.settings.log_interval)
        try:
            for chunk in response.iter_content(self.settings.chunk_bytes):
                try:
                    append(file, chunk)
                except OSError as error:
                    raise self.disk_error(error) from error
                have += len(chunk)
                progress.report(have)
        except requests.RequestException as error:
            raise Hiccup(
                f"the server stalled or broke off at {have} of {size} bytes ({reason(error)})",
                gained=have - start,
            ) from error
        if have > size:
            self.start_afresh(file)
        if have != size:
            raise Hiccup(f"the server sent {have} bytes, expected {size}", gained=have - start)

    def known_state(self) -> RemoteState | None:
        """Of which remote file the part is; None if that is unknown or no longer wanted."""
        try:
            known = RemoteState(**json.loads(self.key.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        wanted = self.expected.size if self.expected else known.size
        return known if known.url == self.url and known.size == wanted else None

    def start_afresh(self, file: BinaryIO) -> None:
        """Empty the part. The file stays, since its lock does."""
        self.key.unlink(missing_ok=True)
        file.truncate(0)

    def publish(self, file: BinaryIO) -> None:
        """Give the part its final name, on disk and read-only."""
        os.fsync(file.fileno())
        os.replace(self.partial, self.destination)
        os.chmod(self.destination, self.destination.stat().st_mode & ~0o222)
        self.key.unlink(missing_ok=True)
        if self.expected is None:
            log.warning(
                "%s: its folder has no %s: verified by its %d bytes only",
                self.destination,
                CHECKSUM_LIST,
                size_of(file),
            )
        else:
            log.info("%s: whole, with the sum of %s", self.destination, CHECKSUM_LIST)

    def disk_error(self, error: OSError) -> DownloadError:
        """What to tell when the file cannot be written."""
        where = f"{self.partial} from {self.url}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            have = self.partial.stat().st_size if self.partial.exists() else 0
            size = self.expected.size if self.expected else None
            missing = f"{readable(size - have)} more are needed" if size else "more is needed"
            return DownloadError(
                f"{where}: the disk is full or the quota used up ({error.strerror}) at "
                f"{readable(have)}; {missing}: make room and run again, it goes on from there"
            )
        return DownloadError(
            f"{where}: cannot be written ({error.strerror}); expected a folder that you may write "
            "to; fix its permissions or run elsewhere"
        )


class Progress:
    """A line in the log every so often: how far, how fast, how long still."""

    def __init__(self, name: str, start: int, size: int, interval: float):
        self.name, self.start, self.size, self.interval = name, start, size, interval
        self.begun = self.told = time.monotonic()

    def report(self, have: int) -> None:
        """Tell where the download is, if it is time."""
        now = time.monotonic()
        if now - self.told < self.interval and have < self.size:
            return
        self.told = now
        rate = (have - self.start) / max(now - self.begun, 1e-6)
        log.log(
            PROGRESS,
            "%s: %s of %s, %s/s, %.0f s left",
            self.name,
            readable(have),
            readable(self.size),
            readable(rate),
            (self.size - have) / max(rate, 1),
        )


def append(file: BinaryIO, chunk: bytes) -> None:
    """Write all of ``chunk``: an unbuffered file may take less at a time."""
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size

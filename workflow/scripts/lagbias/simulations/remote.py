"""A server of files: requests that are tried again, which file answered, and sums of a folder."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter

from lagbias.base.errors import InputError
from lagbias.simulations.abacus.checksums import CHECKSUM_LIST, cksum
from lagbias.simulations.manifest import PUBLIC_TREE

log = logging.getLogger(__name__)


class DownloadError(InputError):
    """A file that could not be fetched: names file and URL, what was found and what to do."""


class Missing(DownloadError):
    """The server says that there is no such file."""


class Hiccup(Exception):
    """A failure that another try may heal.

    Parameters
    ----------
    message : str
    gained : int
        Bytes that this try brought.
    wait : float
        Seconds that the server asks to wait.
    """

    def __init__(self, message: str, gained: int = 0, wait: float = 0.0):
        super().__init__(message)
        self.gained = gained
        self.wait = wait


@dataclass(frozen=True)
class DownloadSettings:
    """How patient a download is.

    Parameters
    ----------
    tries : int
        Tries in a row that bring less than ``progress_bytes`` each before giving up.
    fetches : int
        Whole fetches before a wrong sum is final.
    connect_timeout, read_timeout : float
        Seconds to wait for a connection, and for the next bytes.
    first_wait, longest_wait : float
        Seconds before the second try, doubled from try to try up to the longest.
    chunk_bytes : int
        Bytes written at a time; a connection that breaks loses up to as many.
    progress_bytes : int
        A try that brings as many bytes starts the count of tries afresh: a large file over a
        poor line needs many.
    log_interval : float
        Seconds between lines of progress.
    """

    tries: int = 6
    fetches: int = 2
    connect_timeout: float = 30.0
    read_timeout: float = 60.0
    first_wait: float = 2.0
    longest_wait: float = 120.0
    chunk_bytes: int = 2**16
    progress_bytes: int = 64 * 2**20
    log_interval: float = 10.0

    def __post_init__(self):
        for name, value in asdict(self).items():
            if value < 0 or (value == 0 and name != "first_wait"):
                raise InputError(f"download setting {name}={value}: expected a number above 0")


PATIENT = DownloadSettings()


@dataclass(frozen=True)
class Checksum:
    """What a ``checksums.crc32`` says of one file: GNU cksum's CRC, and bytes."""

    crc: int
    size: int

    @classmethod
    def of(cls, path: Path) -> "Checksum":
        """The sum of a file on disk."""
        return cls(*cksum(path))


@dataclass(frozen=True)
class RemoteState:
    """Which remote file a response, or a part on disk, is of; None where the server did not say."""

    url: str
    size: int | None
    etag: str | None
    last_modified: str | None

    @classmethod
    def of(cls, url: str, response: requests.Response) -> "RemoteState":
        """Read it off a response to a request for ``url``, whole (200) or in part (206)."""
        size = response.headers.get("Content-Length", "")
        if response.status_code == requests.codes.partial_content:
            size = response.headers.get("Content-Range", "").rpartition("/")[2]
        return cls(
            url=url,
            size=int(size) if size.isdecimal() else None,
            etag=response.headers.get("ETag"),
            last_modified=response.headers.get("Last-Modified"),
        )

    def agrees_with(self, other: "RemoteState") -> bool:
        """Whether nothing that both know differs (a 206 may leave out Last-Modified)."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return all(a == b for a, b in pairs if a is not None and b is not None)

    def condition(self) -> dict[str, str]:
        """The header that makes a server send the whole file if it is no longer this one."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else None
        validator = strong or self.last_modified
        return {"If-Range": validator} if validator else {}


def remote_url(url_base: str, path: str) -> str:
    """The address of a file of the tree.

    Raises
    ------
    InputError
        If the address is not a plain http(s) one, or the path leaves the tree.
    """
    parts = urlsplit(url_base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"download url {url_base!r}: expected an address as {PUBLIC_TREE}")
    if "@" in parts.netloc:
        raise InputError(
            f"download url of {parts.hostname}: it holds a user name, which would end up in "
            "logs; put the login into ~/.netrc and take it out of the address"
        )
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts:
        raise InputError(f"download path {path!r}: expected one inside the tree, without ..")
    return f"{url_base.rstrip('/')}/{quote(str(pure))}"


def one_scheme_session(url: str) -> requests.Session:
    """A session that follows redirects within the scheme of ``url`` only (no https to http)."""
    session = requests.Session()
    session.adapters.clear()
    session.mount(f"{urlsplit(url).scheme}://", HTTPAdapter())
    # Compressed on the way, lengths and ranges would count other bytes than the file's.
    session.headers["Accept-Encoding"] = "identity"
    return session


@contextmanager
def request(
    session: requests.Session,
    url: str,
    destination: Path,
    headers: dict[str, str],
    settings: DownloadSettings,
) -> Iterator[requests.Response]:
    """Ask for ``url``: a response with a body, or one of status 416.

    Raises
    ------
    Hiccup
        If another try may heal it.
    DownloadError
        If none will.
    """
    try:
        response = session.get(
            url,
            headers=headers,
            stream=True,
            timeout=(settings.connect_timeout, settings.read_timeout),
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        raise Hiccup(f"no answer from the server ({reason(error)})") from error
    except requests.RequestException as error:
        raise DownloadError(
            f"{destination} from {url}: the request failed ({reason(error)}); check "
            "`download: url` in the config (a redirect from https to http is not followed)"
        ) from error
    with response:
        refuse(response, url, destination)
        yield response


def refuse(response: requests.Response, url: str, destination: Path) -> None:
    """Raise what the status of a response calls for, if it is not one of success."""
    status = response.status_code
    if status in (200, 206, 416):
        return
    found = f"{destination} from {url}: HTTP {status} {response.reason}"
    if status in (408, 429) or status >= 500:
        wait = response.headers.get("Retry-After", "")
        raise Hiccup(f"HTTP {status} {response.reason}", wait=int(wait) if wait.isdecimal() else 0)
    if status in (404, 410):
        raise Missing(
            f"{found}: it is not on the server; expected a file of an AbacusSummit box. Either no "
            "box has this simulation's name (phases are irregular), or it has no particles at this "
            "`redshift`, or its file is on tape only (field particles of many large boxes), or "
            "`density_grid` is another; look into the folder on the server, and use what is there"
        )
    if status in (401, 403):
        raise DownloadError(
            f"{found}: the server refuses it; expected a public tree: check `download: url`, or "
            "put your login for that server into ~/.netrc"
        )
    raise DownloadError(f"{found}: expected 200; check `download: url` in the config")


def listed_checksum(
    session: requests.Session, url: str, destination: Path, settings: DownloadSettings
) -> Checksum | None:
    """What the list in the folder of ``url`` says of it; None if the folder has no list.

    Raises
    ------
    DownloadError
        If the list cannot be read, or has no entry for the file.
    """
    folder, _, _ = url.rpartition("/")
    list_url = f"{folder}/{CHECKSUM_LIST}"

    def fetch() -> str:
        with request(session, list_url, destination, {}, settings) as response:
            try:
                return response.text
            except requests.RequestException as error:
                raise Hiccup(f"the list broke off ({reason(error)})") from error

    try:
        text = persist(
            fetch, f"{destination}: list {list_url}", "run again when the server is back", settings
        )
    except Missing:
        log.warning("no %s: %s will be verified by its size only", list_url, destination.name)
        return None
    entries = parse_checksums(text, list_url)
    if destination.name not in entries:
        raise DownloadError(
            f"{destination}: no entry for {destination.name} in {list_url}; expected one line "
            "`CRC bytes name` for each file of the folder: check the simulation's name and "
            "`density_grid`, or ask the server's keepers to fix the list"
        )
    return entries[destination.name]


def parse_checksums(text: str, list_url: str) -> dict[str, Checksum]:
    """Entries of a ``checksums.crc32``, lines ``CRC bytes name``, by file name.

    Raises
    ------
    DownloadError
        If a line is something else.
    """
    entries = {}
    for line in filter(str.strip, text.splitlines()):
        crc, size, name = [*line.split(maxsplit=2), "", ""][:3]
        if not (crc.isdecimal() and size.isdecimal() and name):
            raise DownloadError(
                f"{list_url}: found the line {line[:80]!r}, expected `CRC bytes name` as GNU "
                "cksum writes it; check `download: url` in the config"
            )
        entries[PurePosixPath(name.strip()).name] = Checksum(int(crc), int(size))
    return entries


def persist(action: Callable[[], Any], what: str, advice: str, settings: DownloadSettings):
    """Do ``action`` until it raises no `Hiccup`, with growing waits; return what it returns.

    Raises
    ------
    DownloadError
        If it still fails after as many tries as the settings allow.
    """
    import tenacity  # not where the rule files name files: Snakemake does not bring it

    fruitless = 0

    def error_of(state: Any) -> Hiccup:
        return state.outcome.exception()

    def stop(state: tenacity.RetryCallState) -> bool:
        nonlocal fruitless
        gained = error_of(state).gained
        fruitless = 0 if gained >= settings.progress_bytes else fruitless + 1
        return fruitless >= settings.tries

    backoff = tenacity.wait_random_exponential(settings.first_wait, settings.longest_wait)

    def wait(state: tenacity.RetryCallState) -> float:
        asked = min(error_of(state).wait, settings.longest_wait)
        return max(asked, backoff(state))

    def tell(state: Any) -> None:
        error, pause = error_of(state), state.next_action.sleep
        log.warning("%s: %s; trying again in %.0f s", what, error, pause)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Hiccup),
        stop=stop,
        wait=wait,
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(action)
    except Hiccup as error:
        raise DownloadError(
            f"{what}: gave up after {settings.tries} tries without headway: {error}; {advice}"
        ) from error


def reason(error: Exception) -> str:
    """The innermost cause of an error of requests, without the wrappings."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return str(getattr(error, "reason", None) or error)

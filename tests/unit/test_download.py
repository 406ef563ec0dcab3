"""Downloads against a server on 127.0.0.1 that misbehaves on purpose."""

import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import download_file as adapter
import pytest
from lagbias.base.errors import InputError
from lagbias.simulations import download, manifest
from lagbias.simulations.abacus.checksums import cksum
from lagbias.simulations.abacus.tree import PRODUCTS
from lagbias.simulations.download import download_file
from lagbias.simulations.remote import DownloadError, DownloadSettings

FOLDER = "small/AbacusSummit_small_c000_ph3000/halos/z0.500/halo_info"
FILE = f"{FOLDER}/halo_info_000.asdf"
LIST = f"{FOLDER}/checksums.crc32"
BODY = bytes(range(256)) * 1024  # 256 KiB
HALF = len(BODY) // 2
MOST_REQUESTS = 30

QUICK = DownloadSettings(
    tries=3, connect_timeout=2, read_timeout=0.3, first_wait=0, longest_wait=0.01, chunk_bytes=4096
)


class Site:
    """What the server holds, what it is to do to the next requests, and what it was asked."""

    def __init__(self, tmp_path):
        self.files = {FILE: BODY}
        self.etags = {FILE: '"first"'}
        self.next = {}  # path to a list of actions, used up one a request
        self.always = {}  # path to the action once that list is empty
        self.requests = []
        self.closing = threading.Event()
        self.scratch = tmp_path / "listed"
        self.list_sums(BODY)

    def list_sums(self, body, name="halo_info_000.asdf"):
        self.scratch.write_bytes(body)
        crc, size = cksum(self.scratch)
        self.files[LIST] = f"{crc} {size} {name}\n".encode()

    def ranges(self):
        """The Range headers of the requests for the file."""
        return [headers.get("Range") for path, headers in self.requests if path == FILE]


class Handler(BaseHTTPRequestHandler):
    """Serves a `Site`, ranges and validators included, unless an action says otherwise."""

    def __init__(self, site, *args):
        self.site = site
        super().__init__(*args)

    def do_GET(self):
        path = self.path.lstrip("/")
        self.site.requests.append((path, dict(self.headers)))
        actions = self.site.next.get(path)
        action = actions.pop(0) if actions else self.site.always.get(path, serve)
        try:
            action(self, path)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up, as some tests want it to

    def log_message(self, *args):
        pass

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


def serve(handler, path, stop_at=None, pause=None, honour_condition=True):
    """Send the file or the part asked for; break off, or pause, at byte ``stop_at`` of the file."""
    body = handler.site.files.get(path)
    if body is None:
        return handler.head(404)
    etag = handler.site.etags.get(path, '"none"')
    start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
    if honour_condition and handler.headers.get("If-Range", etag) != etag:
        start = 0
    if start >= len(body) > 0:
        return handler.head(416, Content_Range=f"bytes */{len(body)}")
    common = {"Content_Length": len(body) - start, "ETag": etag}
    if start:
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.head(206, Content_Range=span, **common)
    else:
        handler.head(200, **common)
    handler.wfile.write(body[start:stop_at])
    if pause:
        handler.wfile.flush()
        handler.site.closing.wait(pause)
        handler.wfile.write(body[stop_at:])


def status(code, **headers):
    return lambda handler, path: handler.head(code, **headers)


def send(body, **headers):
    """Send other bytes than the file's, whatever was asked for."""

    def action(handler, path):
        handler.head(200, **headers)
        handler.wfile.write(body)

    return action


drop_midway = partial(serve, stop_at=HALF)
stall_midway = partial(serve, stop_at=HALF, pause=5)
ignore_range = send(BODY, Content_Length=len(BODY))


def change_file(handler, path):
    """The file is replaced on the server just before this request."""
    handler.site.files[path] = bytes(reversed(BODY)) + b"new"
    handler.site.etags[path] = '"second"'
    handler.site.list_sums(handler.site.files[path])
    serve(handler, path)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = Site(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    site.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()
    assert len(site.requests) <= MOST_REQUESTS, "a download does not stop asking"


@pytest.fixture
def fetch(site, tmp_path):
    def fetch(path=FILE, **changes):
        return download_file(path, tmp_path / "tree", site.url, replace(QUICK, **changes))

    return fetch


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tree" / FOLDER


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


PART = [".halo_info_000.asdf.partial", ".halo_info_000.asdf.partial.json"]
WHOLE = ["halo_info_000.asdf"]


def assert_whole(folder, body=BODY):
    assert names(folder) == WHOLE
    assert (folder / WHOLE[0]).read_bytes() == body


def assert_clear(error, site, *words):
    """The message names file and URL and says what is the matter."""
    message = str(error.value)
    for word in ("halo_info_000.asdf", site.url, *words):
        assert word in message, message


def test_file_arrives_whole_verified_and_read_only(fetch, folder, site, caplog):
    caplog.set_level(logging.INFO)
    assert fetch() == folder / WHOLE[0]
    assert_whole(folder)
    assert (folder / WHOLE[0]).stat().st_mode & 0o222 == 0
    assert "with the sum of checksums.crc32" in caplog.text
    assert [path for path, _ in site.requests] == [LIST, FILE]


def test_sum_is_that_of_gnu_cksum(fetch, folder, site):
    # printed by `printf 123456789 | cksum` of GNU coreutils
    site.files |= {FILE: b"123456789", LIST: b"930766865 9 halo_info_000.asdf\n"}
    fetch()
    assert_whole(folder, b"123456789")


def test_broken_connection_is_resumed_where_it_broke(fetch, folder, site):
    site.next[FILE] = [drop_midway]
    fetch()
    assert_whole(folder)
    assert site.ranges() == [None, f"bytes={HALF}-"]


def test_next_run_resumes_what_an_earlier_one_left(fetch, folder, site):
    site.always[FILE] = drop_midway
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "gave up after 3 tries", f"{HALF} of {len(BODY)}", "run again")
    assert names(folder) == PART
    del site.always[FILE]
    fetch()
    assert_whole(folder)
    assert site.ranges()[-1] == f"bytes={HALF}-"


def test_tries_are_counted_from_the_last_headway(fetch, folder, site):
    fifths = [len(BODY) * n // 5 for n in range(1, 5)]
    site.next[FILE] = [partial(serve, stop_at=stop) for stop in fifths]
    fetch(tries=2, progress_bytes=16384)
    assert_whole(folder)


def test_server_that_ignores_ranges_starts_afresh(fetch, folder, site, caplog):
    site.next[FILE] = [drop_midway, ignore_range]
    fetch()
    assert_whole(folder)
    assert "does not resume" in caplog.text


def test_range_that_the_server_cannot_satisfy_starts_afresh(fetch, folder, site):
    site.next[FILE] = [drop_midway, status(416)]
    fetch()
    assert_whole(folder)
    assert site.ranges() == [None, f"bytes={HALF}-", None]


@pytest.mark.parametrize("code", [503, 429, 500])
def test_busy_server_is_asked_again(fetch, folder, site, code, caplog):
    site.next = {LIST: [status(code)], FILE: [status(code, Retry_After=1)]}
    fetch()
    assert_whole(folder)
    assert caplog.text.count(f"HTTP {code}") == 2


def test_retry_after_is_heeded(site, tmp_path):
    site.next[FILE] = [status(503, Retry_After=1)]
    began = time.monotonic()
    download_file(FILE, tmp_path, site.url, replace(QUICK, longest_wait=0.5))
    assert time.monotonic() - began >= 0.5


def test_server_that_stays_away_is_given_up(fetch, folder, site):
    site.always[FILE] = status(503)
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "gave up after 3 tries", "HTTP 503", "run again")
    assert names(folder) == []
    assert len(site.ranges()) == 3


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            404,
            [
                "HTTP 404",
                "not on the server",
                "simulation's name",
                "no particles at this",
                "on tape only",
                "`density_grid` is another",
            ],
        ),
        (401, ["HTTP 401", "refuses", ".netrc"]),
        (403, ["HTTP 403", "refuses", ".netrc"]),
        (400, ["HTTP 400", "expected 200"]),
    ],
)
def test_refusal_is_final_at_once(fetch, folder, site, code, words):
    site.always[FILE] = status(code)
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, *words)
    assert names(folder) == []
    assert len(site.ranges()) == 1


def test_wrong_bytes_are_fetched_once_more(fetch, folder, site, caplog):
    site.next[FILE] = [send(bytes(len(BODY)), Content_Length=len(BODY))]
    fetch()
    assert_whole(folder)
    assert "wrong sum" in caplog.text


def test_wrong_bytes_twice_leave_nothing(fetch, folder, site):
    site.always[FILE] = send(bytes(len(BODY)), Content_Length=len(BODY))
    with pytest.raises(DownloadError) as error:
        fetch()
    crc = site.files[LIST].split()[0].decode()
    assert_clear(error, site, "wrong sum in 2 fetches", f"expected {crc}", "nothing is kept")
    assert names(folder) == []
    assert len(site.ranges()) == 2


def test_part_that_was_spoilt_on_disk_is_fetched_afresh(fetch, folder, site):
    site.always[FILE] = drop_midway
    with pytest.raises(DownloadError):
        fetch()
    del site.always[FILE]
    (folder / PART[0]).write_bytes(bytes(HALF))
    fetch()
    assert_whole(folder)
    assert site.ranges()[-2:] == [f"bytes={HALF}-", None]


def test_file_shorter_than_listed_is_refused(fetch, folder, site):
    site.files[FILE] = BODY[:HALF]
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, f"offers {HALF} bytes", f"expected {len(BODY)}", "cut short")
    assert names(folder) == []


def test_body_shorter_than_listed_without_length_is_not_taken_for_whole(fetch, folder, site):
    site.always[FILE] = send(BODY[:HALF])
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, f"sent {HALF} bytes, expected {len(BODY)}")
    assert names(folder) == PART


def test_stalled_server_is_left_and_asked_again(fetch, folder, site, caplog):
    site.next[FILE] = [stall_midway]
    fetch()
    assert_whole(folder)
    assert "stalled or broke off" in caplog.text
    assert "timed out" in caplog.text


def test_server_that_always_stalls_is_given_up(fetch, folder, site):
    def stall(handler, path):
        handler.site.closing.wait(5)

    site.always[FILE] = stall
    with pytest.raises(DownloadError) as error:
        fetch(tries=2)
    assert_clear(error, site, "gave up after 2 tries", "timed out")
    assert names(folder) == []


@pytest.mark.parametrize("honour_condition", [True, False])
def test_part_of_a_changed_file_is_not_continued(fetch, folder, site, honour_condition):
    site.always[FILE] = drop_midway
    with pytest.raises(DownloadError):
        fetch()
    # same size, and no list that could tell: only the ETag does
    site.files[FILE] = bytes(reversed(BODY))
    site.etags[FILE] = '"second"'
    del site.files[LIST]
    site.always[FILE] = partial(serve, honour_condition=honour_condition)
    fetch()
    assert_whole(folder, bytes(reversed(BODY)))


def test_file_that_changes_between_tries_is_not_mixed(fetch, folder, site):
    site.next[FILE] = [drop_midway, change_file]
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, f"offers {len(BODY) + 3} bytes", f"expected {len(BODY)}")
    assert names(folder) == []
    fetch()  # the list has changed with it
    assert_whole(folder, bytes(reversed(BODY)) + b"new")


def test_folder_without_list_is_verified_by_size_and_says_so(fetch, folder, site, caplog):
    del site.files[LIST]
    site.next[FILE] = [drop_midway]
    fetch()
    assert_whole(folder)
    assert f"verified by its {len(BODY)} bytes only" in caplog.text


def test_neither_list_nor_length_is_refused(fetch, folder, site):
    del site.files[LIST]
    site.always[FILE] = send(BODY)
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "neither a length nor a checksums.crc32")
    assert names(folder) == []


def test_list_that_is_refused_is_no_missing_list(fetch, folder, site):
    site.always[LIST] = status(403)
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "checksums.crc32", "HTTP 403")
    assert site.ranges() == []


def test_list_without_the_file_is_refused(fetch, folder, site):
    site.list_sums(BODY, name="halo_info_001.asdf")
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "no entry for halo_info_000.asdf")
    assert names(folder) == []
    assert site.ranges() == []


def test_page_in_place_of_a_list_is_refused(fetch, site):
    site.files[LIST] = b"<html>Please log in</html>"
    with pytest.raises(DownloadError, match=f"{site.url}.*<html>Please log in.*CRC bytes name"):
        fetch()


def test_full_disk_keeps_what_came(fetch, folder, site, monkeypatch):
    written = []

    def append(file, chunk):
        if len(written) == 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(file.write(chunk))

    with monkeypatch.context() as patch:
        patch.setattr(download, "append", append)
        with pytest.raises(DownloadError) as error:
            fetch()
    missing = manifest.readable(len(BODY) - sum(written))
    assert_clear(error, site, "disk is full", f"{missing} more are needed", "make room")
    assert names(folder) == PART
    assert len(site.ranges()) == 1
    fetch()
    assert_whole(folder)
    assert site.ranges()[-1] == f"bytes={sum(written)}-"


def test_folder_that_cannot_be_written_says_so(fetch, site, tmp_path):
    (tmp_path / "tree").write_text("a file where the folder should be")
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "cannot be written (Not a directory)", "permissions")


def test_killed_download_is_resumed(fetch, folder, site):
    site.next[FILE] = [partial(serve, stop_at=HALF, pause=20)]
    code = (
        "import sys; from lagbias.simulations.download import download_file; "
        "download_file(sys.argv[1], sys.argv[2], sys.argv[3])"
    )
    root = folder.parents[len(Path(FOLDER).parts) - 1]
    job = subprocess.Popen(
        [sys.executable, "-c", code, FILE, str(root), site.url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    part = folder / PART[0]
    deadline = time.monotonic() + 10
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert names(folder) == PART
    have = part.stat().st_size
    assert 0 < have <= HALF
    fetch()
    assert_whole(folder)
    assert site.ranges() == [None, f"bytes={have}-"]


def test_second_writer_is_turned_away(fetch, folder, site):
    folder.mkdir(parents=True)
    with open(folder / PART[0], "ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        part.write(b"begun")
        part.flush()
        with pytest.raises(DownloadError) as error:
            fetch()
    assert_clear(error, site, "another process")
    assert (folder / PART[0]).read_bytes() == b"begun"


def test_part_of_unknown_origin_is_not_continued(fetch, folder, site):
    folder.mkdir(parents=True)
    (folder / PART[0]).write_bytes(b"of what?")
    fetch()
    assert_whole(folder)
    assert site.ranges() == [None]


def test_part_that_is_whole_is_not_asked_for_again(fetch, folder, site, monkeypatch):
    with monkeypatch.context() as patch:  # killed between the last byte and the renaming
        patch.setattr(download.Download, "publish", lambda self, file: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch()
    assert names(folder) == PART
    fetch()
    assert_whole(folder)
    assert len(site.ranges()) == 1


def test_file_that_is_there_is_verified_not_fetched(fetch, folder, site):
    fetch()
    fetch()
    assert len(site.ranges()) == 1
    (folder / WHOLE[0]).chmod(0o644)
    (folder / WHOLE[0]).write_bytes(b"edited")
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "of 6 bytes", "delete it")
    assert (folder / WHOLE[0]).read_bytes() == b"edited"


def test_redirect_to_another_scheme_is_not_followed(fetch, folder, site):
    site.always[FILE] = status(302, Location="ftp://127.0.0.1/halo_info_000.asdf")
    with pytest.raises(DownloadError) as error:
        fetch()
    assert_clear(error, site, "ftp://", "redirect")
    assert names(folder) == []


def test_redirect_within_the_scheme_is_followed(fetch, folder, site):
    site.files["mirror"] = BODY
    site.next[FILE] = [status(302, Location="/mirror")]
    fetch()
    assert_whole(folder)


def test_nobody_at_the_address(tmp_path):
    with pytest.raises(DownloadError, match="127.0.0.1:9/.*gave up after 2 tries.*refused"):
        download_file(FILE, tmp_path, "http://127.0.0.1:9", replace(QUICK, tries=2))


@pytest.mark.parametrize(
    "url", ["file:///etc", "ftp://host/x", "https://", "host/x", "https://h?q"]
)
def test_address_must_be_http(url, tmp_path):
    with pytest.raises(InputError, match="expected an address as https://data.desi.lbl.gov"):
        download_file(FILE, tmp_path, url)


def test_login_in_the_address_is_refused_and_not_shown(tmp_path):
    with pytest.raises(InputError, match="netrc") as error:
        download_file(FILE, tmp_path, "https://me:secret@host/x")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ""])
def test_path_stays_in_the_tree(path, tmp_path):
    with pytest.raises(InputError, match="expected one inside the tree"):
        download_file(path, tmp_path)


def test_settings_refuse_nonsense():
    with pytest.raises(InputError, match="tries=0: expected a number above 0"):
        DownloadSettings(tries=0)


def test_adapter_fetches_its_output(site, folder, tmp_path, capsys):
    job = SimpleNamespace(
        rule="download_file",
        log=[str(tmp_path / "log")],
        wildcards=namedtuple("Wildcards", "path")(FILE),
        output=[str(tmp_path / "tree" / FILE)],
        params=SimpleNamespace(url_base=site.url),
    )
    adapter.run(job)
    assert_whole(folder)
    (folder / WHOLE[0]).unlink()
    site.always[FILE] = status(404)
    with pytest.raises(SystemExit):
        adapter.run(job)
    assert "Traceback" not in capsys.readouterr().err
    assert "HTTP 404" in (tmp_path / "log").read_text()


BOX = "AbacusSummit_small_c000_ph3000"


def test_manifest_lists_the_public_tree_without_network(tmp_path, monkeypatch):
    monkeypatch.setattr(download.requests.Session, "request", None)
    files = manifest.manifest(BOX, 0.5, 576, 1, root=tmp_path)
    assert [file.path for file in files] == [
        f"ic/small/{BOX}/ic_dens_N576.asdf",
        *(
            f"small/{BOX}/halos/z0.500/{product}/{product}_000.asdf"
            for product in manifest.PRODUCT_SHARES
        ),
    ]
    assert all(file.missing for file in files)


@pytest.mark.parametrize(
    ("name", "grid", "count", "total"),
    [
        (BOX, 576, 1, 2.95e9 + 0.764e9),
        ("AbacusSummit_highbase_c000_ph100", 1152, 16, 23.05e9 + 6.115e9),
        ("AbacusSummit_base_c000_ph000", 1152, 34, 180.2e9 + 6.115e9),
        ("AbacusSummit_hugebase_c000_ph000", 576, 9, 7.32e9 + 0.764e9),
    ],
)
def test_manifest_adds_up_to_the_box(name, grid, count, total, tmp_path):
    files = manifest.manifest(name, 0.5, grid, count, root=tmp_path)
    assert len(files) == 1 + 5 * count
    assert sum(file.estimated_bytes for file in files) == pytest.approx(total, rel=1e-3)


def test_forecast_of_a_product_is_near_what_the_published_boxes_have():
    # MB of z0.500 by the portal's scan: a small box, and highbase, base and hugebase ones.
    files = manifest.manifest(BOX, 0.5, 576, 1)
    estimated = {file.product: file.estimated_bytes / 1e6 for file in files}
    assert [estimated[product] for product in PRODUCTS] == pytest.approx(
        [1210.6, 493.4, 189.2, 795.2, 262.1], rel=0.01
    )
    for shares in (
        [0.416, 0.164, 0.066, 0.264, 0.091],
        [0.424, 0.159, 0.067, 0.256, 0.093],
        [0.446, 0.116, 0.040, 0.310, 0.089],
    ):
        assert list(manifest.PRODUCT_SHARES.values()) == pytest.approx(shares, abs=0.06)


def test_manifest_of_cleaned_halos_has_their_files_besides():
    plain, more = (manifest.manifest(BOX, 0.5, 576, 1, cleaned=cleaned) for cleaned in (0, 1))
    assert [file.path for file in more[len(plain) :]] == [
        f"cleaning/small/{BOX}/z0.500/{product}/{product}_000.asdf"
        for product in ("cleaned_halo_info", "cleaned_rvpid")
    ]
    header, row, *_ = manifest.format_manifest(more).splitlines()
    assert len(header) == len(row)
    assert "cleaned_rvpid" not in manifest.format_manifest(plain)


def test_manifest_knows_what_is_there(tmp_path):
    first, second, *_ = manifest.manifest(BOX, 0.5, 576, 1, root=tmp_path)
    place, other = tmp_path / first.path, tmp_path / second.path
    for path, size in [(place, 7), (other.with_name(f".{other.name}.partial"), 5)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    first, second, *rest = manifest.manifest(BOX, 0.5, 576, 1, root=tmp_path)
    assert (first.bytes_on_disk, first.bytes_to_fetch) == (7, 0)
    assert second.missing
    assert second.bytes_to_fetch == second.estimated_bytes - 5
    assert all(file.missing and file.bytes_of_part == 0 for file in rest)


def test_manifest_table_has_a_row_a_box_and_a_total(tmp_path):
    boxes = [BOX, "AbacusSummit_small_c000_ph3001"]
    files = [file for box in boxes for file in manifest.manifest(box, 0.5, 576, 1, tmp_path)]
    header, *rows, summary = manifest.format_manifest(files, tmp_path).splitlines()
    assert [row.split()[0] for row in rows] == [*boxes, "total"]
    assert rows[-1].split()[1] == "12"
    assert float(rows[-1].split()[-1]) == pytest.approx(7.43, abs=0.01)
    assert {len(row) for row in rows} == {len(header)}
    assert "12 are to be fetched, about 7.43 GB" in summary
    assert "estimates" in summary


def test_manifest_refuses_other_boxes(tmp_path):
    with pytest.raises(InputError, match="mini_0.*source: local"):
        manifest.manifest("mini_0", 0.5, 576, 1, root=tmp_path)

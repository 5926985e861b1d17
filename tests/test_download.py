"""Downloads: whole, continued where they broke off, or given up in one line."""

import socket
import time

import numpy as np
import pytest

from zoo.data.download import download
from zoo.errors import ZooError

LATER = "Tue, 06 Jan 2026 10:00:00 GMT"
WHOLE = np.random.default_rng(0).bytes(200_000)


def test_a_download_arrives_whole(server, tmp_path, capsys):
    server.files["a.zip"] = WHOLE * 20
    download(server.url("a.zip"), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == WHOLE * 20
    assert "(4 MB)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_silent_host_is_given_up_on(tmp_path):
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as host:
        url = f"http://127.0.0.1:{host.getsockname()[1]}/archive.zip"
        with pytest.raises(ZooError, match=r"did not answer within 0\.3 seconds"):
            download(url, tmp_path / "file", answer=0.3)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("name", "message"), [("b.zip", "HTTP 404"), ("a.zip", "ended after 4 of 99|broke off")]
)
def test_a_failed_download_that_cannot_be_continued_leaves_no_file(server, tmp_path, name, message):
    server.files["a.zip"], server.announced, server.ranges = b"half", 99, False
    with pytest.raises(ZooError, match=message):
        download(server.url(name), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def broken_off(server, target, *, after=120_000):
    server.files["a.zip"], server.break_after = WHOLE, after
    with pytest.raises(ZooError, match=r"ended after|broke off"):
        download(server.url("a.zip"), target)
    assert not target.exists()
    server.break_after = None


def test_a_download_that_broke_off_is_continued(server, tmp_path):
    target = tmp_path / "a.zip"
    broken_off(server, target)
    download(server.url("a.zip"), target)
    assert server.asked == [("a.zip", None), ("a.zip", "bytes=120000-")]
    assert target.read_bytes() == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_download_may_break_off_twice(server, tmp_path):
    target = tmp_path / "a.zip"
    broken_off(server, target, after=50_000)
    broken_off(server, target, after=150_000)
    download(server.url("a.zip"), target)
    assert [asked for _, asked in server.asked] == [None, "bytes=50000-", "bytes=150000-"]
    assert target.read_bytes() == WHOLE


def test_a_file_that_changed_meanwhile_is_downloaded_again(server, tmp_path):
    target = tmp_path / "a.zip"
    broken_off(server, target)
    server.date, server.files["a.zip"] = LATER, WHOLE[::-1]
    download(server.url("a.zip"), target)
    assert target.read_bytes() == WHOLE[::-1]


def test_a_server_that_knows_no_ranges_any_more_sends_all(server, tmp_path):
    target = tmp_path / "a.zip"
    broken_off(server, target)
    server.ranges = False
    download(server.url("a.zip"), target)
    assert target.read_bytes() == WHOLE


def test_a_part_that_the_server_refuses_to_continue_is_begun_again(server, tmp_path):
    target = tmp_path / "a.zip"
    broken_off(server, target)
    server.refuses_ranges = True
    download(server.url("a.zip"), target)
    assert target.read_bytes() == WHOLE

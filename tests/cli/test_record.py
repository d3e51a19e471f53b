"""`mrcpbalance record`: what it asks, where it writes, and what it says when there is nothing to be had."""

import socketserver
import threading
from pathlib import Path

import pytest

from tests.cli.test_ask import answering, error, run


def test_what_comes_is_written(tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    with answering("octets") as stub:
        result = run("record", str(file), "--admin", stub.where)
    assert (result.exit_code, result.stdout, file.read_bytes()) == (0, "", b"octets")
    assert result.stderr == f"6 octets in {file}\n"
    assert stub.asked == ["POST /api/v1/record?"]


def test_stdout() -> None:
    with answering("octets") as stub:
        result = run("record", "-", "--admin", stub.where)
    assert (result.exit_code, result.stdout) == (0, "octets")


CUT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\noctets\r\n6\r\noct"


def test_a_proxy_that_ends_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "x"

    class Cutting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(CUT)

    with socketserver.TCPServer(("127.0.0.1", 0), Cutting) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        where = f"127.0.0.1:{server.server_address[1]}"
        result = run("record", str(file), "--admin", where)
        thread.join()
    assert error(result) == f"mrcpbalance: the proxy at {where} ended before it had told everything"
    assert file.read_bytes().startswith(b"octets")


def test_what_is_asked(tmp_path: Path) -> None:
    options = "--pool p --backend b --client 192.0.2.9 --protocol mrcpv1 --resource speechrecog --failed --sample 2.5"
    bounds = "--last 3 --duration 1m30s --max-size 10MiB --with-bodies"
    with answering() as stub:
        run("record", str(tmp_path / "x"), *options.split(), *bounds.split(), "--admin", stub.where)
    (asked,) = stub.asked
    assert sorted(asked.partition("?")[2].split("&")) == [
        "backend=b",
        "bodies=true",
        "client=192.0.2.9",
        "duration=90.0",
        "failed=true",
        "pool=p",
        "protocol=mrcpv1",
        "resource=speechrecog",
        "sample=2.5",
        "sessions=3",
        "size=10485760",
    ]


def test_a_proxy_that_refuses_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with answering('{"error": "too many"}', 503) as stub:
        result = run("record", str(file), "--admin", stub.where)
    assert error(result) == "mrcpbalance: too many"
    assert not file.exists()


def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    with answering("octets") as stub:
        result = run("record", str(tmp_path / "no" / "x"), "--admin", stub.where)
    assert error(result).endswith("can't be written (No such file or directory)")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--duration", "soon"], "'soon' is not a duration"),
        (["--max-size", "big"], "'big' is not a size"),
        (["--sample", "0"], "0"),
        (["--protocol", "http"], "'http'"),
    ],
)
def test_wrong_usage(options: list[str], told: str) -> None:
    result = run("record", "x", *options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_recording_that_exists_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    file.write_bytes(b"evidence")
    with answering("octets") as stub:
        result = run("record", str(file), "--admin", stub.where)
        assert (result.exit_code, file.read_bytes()) == (2, b"evidence")
        assert "--force replaces it" in result.stderr
        assert run("record", str(file), "--force", "--admin", stub.where).exit_code == 0
    assert file.read_bytes() == b"octets"

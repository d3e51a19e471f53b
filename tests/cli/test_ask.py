"""How commands find a running proxy, and what they say when none answers as it should."""

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mrcpbalance.cli import main

GOOD = """\
[pools.speech.backends.a]
rtsp = "127.0.0.1:1"

[listeners.v1]
protocol = "rtsp"
bind = "127.0.0.1:0"
pool = "speech"
"""
EMPTY = json.dumps({"pools": [], "draining": False})

Answering = Callable[..., contextlib.AbstractContextManager["Stub"]]


class Stub:
    """A server that always answers the same, and remembers what it was asked."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.asked: list[str] = []
        self.tokens: list[str | None] = []


@contextlib.contextmanager
def answering(body: str = EMPTY, status: int = 200) -> Iterator[Stub]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.asked.append(f"{self.command} {self.path}")
            stub.tokens.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - its name there

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub = Stub(f"127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()


def run(*arguments: str, **env: str) -> Result:
    names = ("MRCPBALANCE_ADMIN", "MRCPBALANCE_TOKEN", "MRCPBALANCE_TOKEN_FILE")
    return CliRunner().invoke(main, list(arguments), env={**dict.fromkeys(names), **env})


def error(result: Result) -> str:
    """Give what it said, in one line; it must have failed and printed nothing."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    return result.stderr.strip()


@pytest.mark.parametrize("form", ["{}", "http://{}", "http://{}/", "http://{}/behind/"])
def test_where_it_is_told_to_ask(form: str) -> None:
    with answering() as stub:
        assert run("status", "--admin", form.format(stub.where)).exit_code == 0
        assert run("status", MRCPBALANCE_ADMIN=form.format(stub.where)).exit_code == 0
    prefix = "/behind" if "behind" in form else ""
    assert stub.asked == [f"GET {prefix}/api/v1/pools"] * 2
    assert stub.tokens == [None, None]


def test_where_the_file_says(tmp_path: Path) -> None:
    file, token = tmp_path / "proxy.toml", tmp_path / "token"
    token.write_text("s3cret\n")
    with answering() as stub, answering() as other:
        file.write_text(f'{GOOD}[admin]\nbind = "{stub.where}"\ntoken_file = "{token}"\n')
        assert run("status", "--config", str(file)).exit_code == 0
        assert run("status", "--config", str(file), "--admin", other.where).exit_code == 0
        assert run("status", "--config", str(file), MRCPBALANCE_TOKEN="another").exit_code == 0
    assert stub.tokens == ["Bearer s3cret"] * 2
    assert other.tokens == ["Bearer s3cret"]


def test_tokens(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(" from-file \n")
    with answering() as stub:
        run("status", "--admin", stub.where, MRCPBALANCE_TOKEN="from-env")
        run("status", "--admin", stub.where, "--token-file", str(token), MRCPBALANCE_TOKEN="from-env")
        run("status", "--admin", stub.where, MRCPBALANCE_TOKEN_FILE=str(token))
    assert stub.tokens == ["Bearer from-env", "Bearer from-file", "Bearer from-file"]


def test_token_files_that_can_not_serve(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert error(run("status", "--token-file", str(file))).endswith(
        "can't be read (No such file or directory)"
    )
    file.write_bytes(b"\xff\xfe")
    assert error(run("status", "--token-file", str(file))).endswith("is no text")
    file.write_text("two\nlines")
    assert "one line of ASCII" in error(run("status", "--token-file", str(file)))


def test_a_file_without_an_admin_interface(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(GOOD)
    assert "has no [admin] table" in error(run("status", "--config", str(file)))


def test_a_faulty_file(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(GOOD + "[admin]\nbinde = 1\n")
    assert error(run("status", "--config", str(file))).startswith(f"{file}:9: admin.binde: ")


@pytest.mark.parametrize("where", ["", "unix:", "127.0.0.1:http", "ftp://host", ":8090", "127.0.0.1:99999"])
def test_places_that_are_none(where: str) -> None:
    result = run("status", "--admin", where)
    if where:
        assert (result.exit_code, result.stdout) == (2, "")
        assert "is not HOST:PORT, unix:PATH or a URL" in result.stderr


def test_nobody_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        where = f"127.0.0.1:{sock.getsockname()[1]}"
    told = error(run("status", "--admin", where))
    assert told == (
        f"mrcpbalance: no proxy answers at {where} (Connection refused); is it running, does its file have "
        "[admin]? --admin or --config say where"
    )
    told = error(run("drain", "speech/a", "--admin", f"unix:{tmp_path}/none.sock"))
    assert f"no proxy answers at unix:{tmp_path}/none.sock (No such file or directory)" in told


def test_somebody_else_there() -> None:
    with answering("<html>") as stub:
        told = error(run("status", "--admin", stub.where))
        assert told == f"mrcpbalance: what answers at {stub.where} is no mrcpbalance (HTTP 200)"
    with answering("[]", 500) as stub:
        assert "is no mrcpbalance (HTTP 500)" in error(run("status", "--admin", stub.where))


def test_no_http(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:

        def babble() -> None:
            connection, _ = sock.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=babble)
        thread.start()
        told = error(run("status", "--admin", f"127.0.0.1:{sock.getsockname()[1]}"))
        thread.join()
    assert "speaks no HTTP" in told


REFUSALS = {
    401: ('{"error": "send the token"}', "asks for its token: give --token-file FILE, MRCPBALANCE_TOKEN"),
    404: ('{"error": "no pool \'x\'"}', "mrcpbalance: no pool 'x'"),
    409: ('{"error": "2 sessions bear this id"}', "mrcpbalance: 2 sessions bear this id"),
    500: ("{}", "mrcpbalance: HTTP 500"),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_refusals(status: int) -> None:
    body, text = REFUSALS[status]
    with answering(body, status) as stub:
        told = error(run("explain", "abc", "--admin", stub.where))
    assert text in told


def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrcpbalance.cli._ask.PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        where = f"127.0.0.1:{sock.getsockname()[1]}"
        assert f"no proxy answers at {where} (timed out)" in error(run("status", "--admin", where))

"""Who may ask: the token, read again when its file changes; pages from elsewhere; names that lead here by a trick."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mrcpbalance.observe import TokenError
from mrcpbalance.observe.tokens import Token
from tests.observe.admin_stage import AdminStage

ORDER = "/api/v1/pools/speech/backends/asr-1/drain"
RIGHT = {"authorization": "Bearer s3cret"}


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    return file


WRONG: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "another": {"authorization": "Bearer secret"},
    "a longer one": {"authorization": "Bearer s3cret2"},
    "an empty one": {"authorization": "Bearer "},
    "another scheme": {"authorization": "Basic s3cret"},
    "no scheme": {"authorization": "s3cret"},
    "not ASCII": {"authorization": "Bearer s3cr\xe9t"},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/api/v1/pools"), ("GET", "/metrics"), ("POST", ORDER), ("GET", "/nothing"), ("GET", "//")],
)
async def test_without_the_token(
    token_file: Path, headers: Mapping[str, str], method: str, target: str
) -> None:
    stage = AdminStage(token_file=token_file, host="192.0.2.1")
    answer = await stage.ask(method, target, headers)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer TOKEN" in answer.error
    assert stage.backend("speech", "asr-1").state(stage.now).value == "up"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_with_the_token(token_file: Path, scheme: str) -> None:
    stage = AdminStage(token_file=token_file, host="192.0.2.1")
    headers = {"authorization": f"{scheme} s3cret", "host": "proxy.example"}
    for target in ("/api/v1/pools", "/metrics"):
        assert (await stage.ask("GET", target, headers)).status == 200
    assert (await stage.ask("POST", ORDER, headers)).status == 200


@pytest.mark.parametrize("target", ["/", "/healthz", "/readyz"])
async def test_what_needs_no_token(token_file: Path, target: str) -> None:
    assert (await AdminStage(token_file=token_file).get(target)).status == 200


def write(file: Path, text: str) -> None:
    file.write_text(text)  # no thread, for which the mock clock would not wait


def remove(file: Path) -> None:
    file.unlink()


async def test_a_token_that_changes(token_file: Path, tmp_path: Path) -> None:
    stage = AdminStage(token_file=token_file)

    async def status(token: str) -> int:
        return (await stage.get("/metrics", authorization=f"Bearer {token}")).status

    assert [await status("s3cret"), await status("other")] == [200, 401]
    (tmp_path / "new").write_text("other")
    (tmp_path / "new").rename(token_file)
    assert [await status("s3cret"), await status("other")] == [401, 200]
    write(token_file, "third-one")
    assert [await status("other"), await status("third-one")] == [401, 200]
    for break_it in (lambda: token_file.write_text(" \n"), token_file.unlink):
        break_it()
        assert [await status("third-one"), await status("")] == [503, 503]  # nobody is let in
    write(token_file, "back-again")
    assert await status("back-again") == 200
    os.utime(token_file, ns=(1, 1))
    assert await status("back-again") == 200


BAD = {
    "empty": (b"", "is empty; write a token"),
    "blank": (b" \n\n", "is empty; write a token"),
    "no text": (b"\xff\xfe", "is no text in UTF-8"),
    "two lines": (b"one\ntwo\n", "must hold one line"),
    "not ASCII": ("gehe\u00efm".encode(), "must hold one line"),
}


@pytest.mark.parametrize(("content", "text"), BAD.values(), ids=BAD.keys())
def test_a_file_that_can_not_serve(tmp_path: Path, content: bytes, text: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(TokenError) as caught:
        Token.of(str(file))
    assert str(caught.value).startswith(f"admin.token_file: {file} ")
    assert text in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(TokenError, match=f"admin.token_file: {path} can't be read: "):
            Token.of(str(path))


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "127.0.0.1", "localhost:8090", "LOCALHOST", "[::1]:8090"])
async def test_names_of_this_machine(host: str) -> None:
    assert (await AdminStage().get("/api/v1/pools", host=host)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "", "localhost.evil.example:80"])
async def test_a_name_that_was_made_to_lead_here(host: str) -> None:
    answer = await AdminStage().get("/api/v1/pools", host=host)
    assert (answer.status, answer.error) == (
        403,
        "this interface is for this machine: ask it as 127.0.0.1 or localhost",
    )
    assert (await AdminStage(host="").get("/api/v1/pools", host=host)).status == 200  # a unix socket
    assert (await AdminStage(host="[::7]").get("/api/v1/pools", host="[::7]:1")).status == 200


FOREIGN = {
    "another site": {"origin": "https://evil.example"},
    "another port": {"origin": "http://127.0.0.1:8080"},
    "a sandbox": {"origin": "null"},
    "told by the browser": {"sec-fetch-site": "cross-site"},
    "told to be near": {"sec-fetch-site": "same-site"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
async def test_pages_from_elsewhere(headers: Mapping[str, str]) -> None:
    stage = AdminStage()
    answer = await stage.ask("POST", ORDER, headers)
    assert (answer.status, answer.error) == (403, "a page from elsewhere may not give orders")
    assert stage.backend("speech", "asr-1").state(stage.now).value == "up"
    answer = await stage.ask("GET", "/api/v1/pools", headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]  # it can't read this


async def test_our_own_page() -> None:
    headers = {"origin": "http://127.0.0.1:8090", "sec-fetch-site": "same-origin"}
    assert (await AdminStage().ask("POST", ORDER, headers)).status == 200


async def test_every_answer_is_sealed(token_file: Path) -> None:
    stage = AdminStage(token_file=token_file)
    for target, headers in [("/", {}), ("/metrics", {}), ("/metrics", RIGHT), ("/nothing", RIGHT)]:
        found = (await stage.ask("GET", target, headers)).headers
        assert (found["x-content-type-options"], found["cache-control"]) == ("nosniff", "no-store")
        assert "frame-ancestors 'none'" in found["content-security-policy"]


@pytest.fixture
def read_token_file(tmp_path: Path) -> Path:
    file = tmp_path / "read-token"
    file.write_text("l00k\n")
    return file


async def test_a_reader_may_look_but_give_no_orders(token_file: Path, read_token_file: Path) -> None:
    stage = AdminStage(token_file=token_file, read_token_file=read_token_file, host="192.0.2.1")
    look = {"authorization": "Bearer l00k"}
    for target in ("/api/v1/pools", "/api/v1/me", "/metrics"):
        assert (await stage.ask("GET", target, look)).status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await stage.ask(method, ORDER, look)
        assert (answer.status, answer.error) == (
            403,
            "this token may only look; orders need the one of admin.token_file",
        )
    assert stage.backend("speech", "asr-1").state(stage.now).value == "up"
    assert (await stage.ask("POST", ORDER, {"authorization": "Bearer neither"})).status == 401
    assert (await stage.ask("POST", ORDER, RIGHT)).status == 200


async def test_who_asks(token_file: Path, read_token_file: Path) -> None:
    stage = AdminStage(token_file=token_file, read_token_file=read_token_file)
    for token, role in (("s3cret", "operator"), ("l00k", "reader")):
        for target in ("/api/v1/me", "/api/v1/pools"):
            assert (await stage.get(target, authorization=f"Bearer {token}")).json["role"] == role
    for target in ("/api/v1/me", "/api/v1/pools"):
        assert (await AdminStage().get(target)).json["role"] == "operator"


async def test_one_file_that_no_longer_serves(token_file: Path, read_token_file: Path) -> None:
    """Without the reader's, operators still get in; without the operator's, nobody does."""
    stage = AdminStage(token_file=token_file, read_token_file=read_token_file)

    async def status(token: str) -> int:
        return (await stage.get("/metrics", authorization=f"Bearer {token}")).status

    remove(read_token_file)
    assert [await status("s3cret"), await status("l00k"), await status("else")] == [200, 503, 503]
    write(read_token_file, "l00k")
    remove(token_file)
    assert [await status("s3cret"), await status("l00k")] == [503, 503]


async def test_the_same_token_in_both_files_is_the_operators(token_file: Path) -> None:
    stage = AdminStage(token_file=token_file, read_token_file=token_file)
    assert (await stage.ask("POST", ORDER, RIGHT)).status == 200


def test_a_readers_file_that_can_not_serve(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match=f"admin.read_token_file: {tmp_path}/none can't be read: "):
        Token.of(str(tmp_path / "none"), "read_token_file")

from mrcpwire import LocalProtocolError, RemoteProtocolError, WireError
from mrcpwire._errors import EXCERPT


def test_one_tree() -> None:
    assert issubclass(LocalProtocolError, WireError)
    assert issubclass(RemoteProtocolError, WireError)


def test_says_code_and_rule_but_not_what_the_peer_wrote() -> None:
    error = RemoteProtocolError("rtsp.nul", "R-04", status_hint=400, excerpt=b"secret")
    assert str(error) == "rtsp.nul (R-04)"
    assert (error.code, error.rule, error.status_hint, error.cseq) == ("rtsp.nul", "R-04", 400, None)


def test_excerpt_is_bounded() -> None:
    assert RemoteProtocolError("rtsp.nul", "R-04", excerpt=b"x" * 10_000).excerpt == b"x" * EXCERPT

import pytest

from mrcpwire import LocalProtocolError
from mrcpwire._lines import check_token, check_value, is_token


@pytest.mark.parametrize("text", [b"SETUP", b"X-New.Method", b"!#$%&'*+-.^_`|~09"])
def test_tokens(text: bytes) -> None:
    assert is_token(text)
    assert check_token(text) == text


@pytest.mark.parametrize("text", [b"", b"A B", b"A:", b"A\r\n", b"caf\xe9", b"a/b", b'"a"', b"a@b", b"\x7f"])
def test_no_tokens(text: bytes) -> None:
    assert not is_token(text)
    with pytest.raises(LocalProtocolError):
        check_token(text)


@pytest.mark.parametrize("text", [b"a\rb", b"a\n", b"\0"])
def test_no_value_can_break_a_line(text: bytes) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        check_value(text)
    assert check_value(b" \t\xff;") == b" \t\xff;"

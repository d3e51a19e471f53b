import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, RemoteProtocolError
from mrcpwire._buffer import _SHORT, Buffer


def test_takes_what_came_in_order() -> None:
    buffer = Buffer()
    buffer.receive_data(b"abc")
    assert (buffer._held, buffer._peek(1, 9)) == (3, b"bc")
    assert buffer._take(1) == b"a"
    buffer.receive_data(b"de")
    assert buffer._take(4) == b"bcde"
    assert not buffer.pending


def test_octets_that_are_one_message_are_not_copied() -> None:
    buffer, data = Buffer(), bytes(100)
    buffer.receive_data(data)
    assert buffer._take(100) is data


def test_holds_nothing_while_idle() -> None:
    buffer = Buffer()
    for _ in range(3):
        buffer.receive_data(b"x" * (_SHORT + 1))
    assert isinstance(buffer._data, bytearray)
    buffer._take(3 * (_SHORT + 1))
    assert buffer._data is b""  # noqa: F632  the one empty object there is


def test_a_short_rest_of_a_long_one_is_short_again() -> None:
    buffer = Buffer()
    for _ in range(4):
        buffer.receive_data(b"x" * _SHORT)
    assert buffer._take(_SHORT) == b"x" * _SHORT
    kinds = [type(buffer._data)]
    buffer._take(2 * _SHORT)
    kinds.append(type(buffer._data))
    assert kinds == [bytearray, bytes]
    assert buffer._take(_SHORT) == b"x" * _SHORT


@given(st.lists(st.integers(1, 3 * _SHORT), min_size=1, max_size=8), st.data())
def test_what_comes_out_is_what_went_in(sizes: list[int], data: st.DataObject) -> None:
    buffer, sent, taken = Buffer(), b"", b""
    for number, size in enumerate(sizes):
        piece = bytes([number]) * size
        sent += piece
        buffer.receive_data(piece)
        taken += buffer._take(data.draw(st.integers(0, buffer._held)))
    assert taken + buffer._peek(0, buffer._held) == sent


def test_nothing_comes_after_the_end() -> None:
    buffer = Buffer()
    buffer.receive_eof()
    with pytest.raises(LocalProtocolError):
        buffer.receive_data(b"x")


def test_nothing_is_kept_after_a_fault() -> None:
    buffer = Buffer()
    buffer.receive_data(b"abc")
    buffer._fail(RemoteProtocolError("rtsp.nul", "R-04"))
    buffer.receive_data(b"def")
    assert not buffer.pending

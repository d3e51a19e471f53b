"""What Accept-Contact asks for (RFC 3841 section 9.2), however peers write it."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import sip

READ: Final[dict[bytes, dict[str, str]]] = {
    b'*;language="de"': {"language": "de"},
    b'* ; language = "de,en" ; audio': {"language": "de,en", "audio": "TRUE"},
    b'*;mobility="fixed";require;explicit': {"mobility": "fixed", "require": "TRUE", "explicit": "TRUE"},
    b"*;Language=de": {"language": "de"},
    b'language="de"': {"language": "de"},  # some leave the star out
    b'*;description="<a \\"b\\"; c>"': {"description": '<a "b"; c>'},
    b'*;a="1";a="2"': {"a": "1"},
    b"*": {},
    b"": {},
    b';;;="x"': {},
    b'*;a="no end': {"a": "TRUE"},
    b"*;a=": {"a": "TRUE"},
    b"*;a=\xff": {"a": "\ufffd"},
}


@pytest.mark.parametrize(("value", "parameters"), READ.items())
def test_read(value: bytes, parameters: dict[str, str]) -> None:
    assert sip.feature_parameters(value) == parameters


@given(st.binary(max_size=60))
def test_anything_can_be_read(value: bytes) -> None:
    assert all(sip.feature_parameters(value).values())


def test_values_of_a_header_may_hold_commas() -> None:
    headers = sip.SipHeaders.of([(b"a", b'*;language="de,en", *;audio')])
    found = [sip.feature_parameters(value) for value in headers.values(b"Accept-Contact")]
    assert found == [{"language": "de,en"}, {"audio": "TRUE"}]

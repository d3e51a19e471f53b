"""Matches of listeners: what they may say, beside which protocol, and what is no match."""

from typing import Final

import pytest

from mrcpbalance.config import MatchConfig, Pattern, parse
from tests.config.documents import BASE, SIP, faults_of

MATCH: Final = "[[listeners.l.match]]\n"
RTSP_OR_AUTO: Final = 'expected only beside protocol "rtsp" or "auto"'
SIP_OR_AUTO: Final = 'expected only beside protocol "sip" or "auto"'
NOT_TCP: Final = 'expected only beside protocol "rtsp", "sip", "mrcp" or "auto"'
ANY: Final = 'expected at least one of "path", "user", "accept_contact", "resource" or "source"'

OF_ITS_OWN: Final = "expected an entry of its own: RTSP has paths, SIP has this"
AUTO: Final = BASE.replace('"rtsp"', '"auto"')

GOOD: Final[dict[str, tuple[str, MatchConfig]]] = {
    "path": (BASE + MATCH + 'path = "/de/*"\npool = "p"\n', MatchConfig(pool="p", path=Pattern("/de/*"))),
    "user": (SIP + MATCH + 'user = "de-*"\npool = "p"\n', MatchConfig(pool="p", user=Pattern("de-*"))),
    "accept_contact": (
        SIP + MATCH + 'accept_contact = { language = "de" }\npool = "p"\n',
        MatchConfig(pool="p", accept_contact={"language": Pattern("de")}),
    ),
    "resource, beside auto": (
        AUTO + MATCH + 'resource = "speechsynth"\npool = "p"\n',
        MatchConfig(pool="p", resource="speechsynth"),
    ),
    "resource": (
        SIP + MATCH + 'resource = "speechsynth"\npool = "p"\n',
        MatchConfig(pool="p", resource="speechsynth"),
    ),
    "source": (
        BASE + MATCH + 'source = "192.0.2.0/24"\npool = "p"\n',
        MatchConfig(pool="p", source="192.0.2.0/24"),
    ),
}


@pytest.mark.parametrize(("text", "match"), GOOD.values(), ids=GOOD)
def test_good(text: str, match: MatchConfig) -> None:
    assert parse(text, "f").listeners["l"].match == (match,)


def test_several_in_their_order() -> None:
    entries = "".join(f'{MATCH}path = "/{name}"\npool = "p"\n' for name in "ab")
    assert [str(match.path) for match in parse(BASE + entries, "f").listeners["l"].match] == ["/a", "/b"]


BAD: Final[dict[str, tuple[str, ...]]] = {
    "no condition": (BASE + MATCH + 'pool = "p"\n', f"f:8: listeners.l.match[0]: no condition, {ANY}"),
    "nothing": (
        BASE + MATCH,
        "f:8: listeners.l.match[0].pool: missing, expected the name of a pool",
        f"f:8: listeners.l.match[0]: no condition, {ANY}",
    ),
    "no such pool": (
        BASE + MATCH + 'path = "/*"\npool = "q"\n',
        'f:10: listeners.l.match[0].pool: no pool "q", expected "p"',
    ),
    "a pool that doesn't speak the protocol": (
        BASE + MATCH + 'path = "/*"\npool = "q"\n[pools.q.backends.c]\ntcp = "192.0.2.1:9000"\n',
        'f:10: listeners.l.match[0].pool: pool "q" has no backend with an address for "rtsp", expected at least one with rtsp = "HOST:PORT"',
    ),
    "what INVITEs have beside rtsp": (
        BASE + MATCH + 'user = "*"\naccept_contact = { a = "b" }\npool = "p"\n',
        f"f:9: listeners.l.match[0].user: doesn't fit here, {SIP_OR_AUTO}",
        f"f:10: listeners.l.match[0].accept_contact: doesn't fit here, {SIP_OR_AUTO}",
    ),
    "what RTSP has beside sip": (
        SIP + MATCH + 'path = "*"\npool = "p"\n',
        f"f:9: listeners.l.match[0].path: doesn't fit here, {RTSP_OR_AUTO}",
    ),
    "a resource beside tcp": (
        BASE.replace('"rtsp"', '"tcp"').replace("rtsp =", "tcp =")
        + MATCH
        + 'resource = "speechsynth"\npool = "p"\n',
        f"f:9: listeners.l.match[0].resource: doesn't fit here, {NOT_TCP}",
    ),
    "only the faulty protocol is told": (
        BASE.replace('protocol = "rtsp"', 'protocol = "rstp"') + MATCH + 'path = "*"\npool = "p"\n',
        'f:5: listeners.l.protocol: found "rstp", did you mean "rtsp"?',
    ),
    "a path and a user": (
        AUTO + MATCH + 'path = "*"\nuser = "*"\naccept_contact = { a = "b" }\npool = "p"\n',
        f"f:10: listeners.l.match[0].user: never holds beside path, {OF_ITS_OWN}",
        f"f:11: listeners.l.match[0].accept_contact: never holds beside path, {OF_ITS_OWN}",
    ),
    "a user and a pool that only speaks RTSP": (
        AUTO + MATCH + 'user = "*"\npool = "p"\n',
        'f:10: listeners.l.match[0].pool: pool "p" has no backend with an address for "sip", expected at least one with sip = "HOST:PORT"',
    ),
    "a path and a pool that only speaks SIP": (
        SIP.replace('"sip"', '"auto"') + MATCH + 'path = "*"\npool = "p"\n',
        'f:10: listeners.l.match[0].pool: pool "p" has no backend with an address for "rtsp", expected at least one with rtsp = "HOST:PORT"',
    ),
    "RTSP's name for a resource": (
        BASE + MATCH + 'resource = "speechrecognizer"\npool = "p"\n',
        'f:9: listeners.l.match[0].resource: "speechrecognizer" is RTSP\'s name, did you mean "speechrecog"?',
    ),
    "a broken pattern": (
        BASE + MATCH + 'path = "/[de/*"\npool = "p"\n',
        'f:9: listeners.l.match[0].path: found "/[de/*" ("[" without "]"), expected a pattern, `*` for any characters, `?` for one',
    ),
    "an empty pattern": (
        BASE + MATCH + 'path = ""\npool = "p"\n',
        'f:9: listeners.l.match[0].path: found "" (it is empty), expected a pattern, `*` for any characters, `?` for one',
    ),
    "a parameter in upper case": (
        SIP + MATCH + 'accept_contact = { Language = "de" }\npool = "p"\n',
        'f:9: listeners.l.match[0].accept_contact.Language: found "Language" (not in lower case), expected the name of a parameter in lower case',
    ),
    "no parameters": (
        SIP + MATCH + 'accept_contact = {}\npool = "p"\n',
        "f:9: listeners.l.match[0].accept_contact: found an empty table, expected a table of patterns by parameter",
    ),
    "no network": (
        BASE + MATCH + 'source = "192.0.2.1/24"\npool = "p"\n',
        'f:9: listeners.l.match[0].source: found "192.0.2.1/24" (192.0.2.1/24 has host bits set), expected a network, like "192.0.2.0/24" or "2001:db8::/32", or one address',
    ),
    "an unknown key": (
        BASE + MATCH + 'paths = "/*"\npool = "p"\npath = "/*"\n',
        'f:9: listeners.l.match[0].paths: unknown key, did you mean "path"?',
    ),
    "a table instead of an array": (
        BASE + '[listeners.l.match]\npath = "/*"\npool = "p"\n',
        "f:8: listeners.l.match: found a table, expected tables [[listeners.LISTENER.match]]",
    ),
    "something else in the array": (
        BASE + 'match = [1, { path = "*", pool = "p" }]\n',
        "f:8: listeners.l.match[0]: found 1, expected a table [[listeners.LISTENER.match]]",
    ),
}


@pytest.mark.parametrize(("text", "lines"), [(text, lines) for text, *lines in BAD.values()], ids=BAD)
def test_bad(text: str, lines: list[str]) -> None:
    assert faults_of(text) == lines

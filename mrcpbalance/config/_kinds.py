"""Kinds of values a key may take: each reads what TOML gives, strictly, and says what it expects."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import attrs

from ._address import MOST_PORTS, Address, is_wildcard, parse_address, parse_bind, parse_host
from ._duration import LONGEST, format_duration, parse_duration
from ._faults import Place, UnfitError, found, nearest, one_of
from ._pattern import Pattern

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_SIZE_UNITS: Final = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE: Final = re.compile(r"([0-9]{1,9})(KiB|MiB|GiB)")
# A resource's name goes into SDP, Channel-Identifier and the log, so nothing in it may need escaping there.
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_LONGEST_UNIX_PATH: Final = 107  # octets: what sun_path holds besides its closing NUL


class Kind(Protocol[T_co]):
    """How the value of a key is read and described."""

    @property
    def expected(self) -> str:
        """What is expected, to follow that word in a sentence."""

    def read(self, value: object, place: Place) -> T_co:
        """Give the value, or raise UnfitError; what is wrong deeper inside is noted at its own place."""


def read(kind: Kind[T], value: object, place: Place, otherwise: T) -> T:
    """Give the value, or note its fault and give what stands in for it while the rest is read."""
    try:
        return kind.read(value, place)
    except UnfitError as unfit:
        place.fault(unfit.problem or found(value), unfit.expected or f"expected {kind.expected}")
        return otherwise


@attrs.frozen
class Scalar(Generic[T]):
    """A single value; `take` gives it or raises UnfitError."""

    expected: str
    take: Callable[[object], T]

    def read(self, value: object, _place: Place) -> T:
        """Take the value."""
        return self.take(value)


def whole(least: int, most: int) -> Scalar[int]:
    """Take a whole number within bounds: neither true nor 1.0 nor "1"."""

    def take(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise UnfitError
        return value

    return Scalar(f"a whole number from {least} to {most}", take)


def size(least: int, most: int) -> Scalar[int]:
    """Take a number of octets, plain or as "64KiB"."""

    def take(value: object) -> int:
        if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
            value = int(match[1]) * _SIZE_UNITS[match[2]]
        if type(value) is not int or not least <= value <= most:
            raise UnfitError
        return value

    return Scalar(f'octets from {least} to {most}, like 65536 or "64KiB"', take)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise UnfitError
    return value


SWITCH: Final = Scalar("true or false", _switch)


def choice(*words: str) -> Scalar[str]:
    """Take one of a few words."""

    def take(value: object) -> str:
        if not isinstance(value, str):
            raise UnfitError
        if value not in words:
            raise UnfitError(expected=nearest(value, words))
        return value

    return Scalar(one_of(words), take)


def parsed(expected: str, parse: Callable[[str], T]) -> Scalar[T]:
    """Make a kind of what is written as text; `parse` raises ValueError saying what is wrong."""

    def take(value: object) -> T:
        if not isinstance(value, str):
            raise UnfitError
        try:
            return parse(value)
        except ValueError as fault:
            raise UnfitError(f"{found(value)} ({fault})") from None

    return Scalar(expected, take)


def duration(least: float = 0.001) -> Scalar[float]:
    """Take a duration, written as "2s", in seconds."""

    def parse(text: str) -> float:
        seconds = parse_duration(text)
        if not least <= seconds <= LONGEST:
            raise ValueError("too short" if seconds < least else "too long")
        return seconds

    bounds = f"from {format_duration(least)} to {format_duration(LONGEST)}"
    return parsed(f'a duration {bounds}, like "250ms", "2s" or "1h30m"', parse)


def _printable(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("it has characters that don't print" if text else "it is empty")
    return text


def _path(text: str) -> str:
    if not (text.startswith("/") and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("not a path as URIs write it")
    return text


def _token(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("not a token of at most 64 characters")
    return text


def _pattern(text: str) -> Pattern:
    return Pattern(_printable(text))


def _feature(text: str) -> str:
    if text != text.lower():
        raise ValueError("not in lower case")
    return _token(text)


def _remote(text: str) -> Address:
    address = parse_address(text)
    if is_wildcard(address.host):
        raise ValueError("a wildcard")
    return address


def _one_bind(text: str) -> Address:
    return parse_address(text, least_port=0)


def _public_host(text: str) -> str:
    host = parse_host(text)
    if is_wildcard(host):
        raise ValueError("a wildcard")
    return host


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


def _admin_bind(text: str) -> Address | str:
    if not text.startswith("unix:"):
        return _one_bind(text)
    path = _printable(text.removeprefix("unix:"))
    if not path.startswith("/"):
        raise ValueError("the path is not absolute")
    if len(path.encode()) > _LONGEST_UNIX_PATH:
        raise ValueError(f"the path is longer than {_LONGEST_UNIX_PATH} octets")
    return path


def _url(text: str) -> str:
    url = urlsplit(_printable(text))  # raises ValueError itself for some
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0 or " " in text:
        raise ValueError("no such URL")
    return text


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UnfitError
    return float(value)


SHARE: Final = Scalar("a number from 0.0 to 1.0", _share)
URL: Final = parsed('a URL, like "http://127.0.0.1:4318/v1/traces"', _url)
FILE: Final = parsed("the path of a file", _printable)
RESOURCE: Final = parsed('the name of a resource like "speechrecog"', _token)
PATTERN: Final = parsed("a pattern, `*` for any characters, `?` for one", _pattern)
FEATURE: Final = parsed("the name of a parameter in lower case", _feature)
SEGMENT: Final = parsed("the last segment of a path", _printable)
RTSP_PATH: Final = parsed('a path like "/media/speechrecognizer"', _path)
REMOTE: Final = parsed('"HOST:PORT", IPv6 in brackets', _remote)
BIND: Final = parsed(
    f'"HOST:PORT" or "HOST:FIRST-LAST" with at most {MOST_PORTS} ports, IPv6 in brackets', parse_bind
)
ONE_BIND: Final = parsed('"HOST:PORT", IPv6 in brackets, port 0 for any free one', _one_bind)
ADMIN_BIND: Final = parsed('"HOST:PORT", IPv6 in brackets, or "unix:/PATH"', _admin_bind)
PUBLIC_HOST: Final = parsed("the address of one host, without a port", _public_host)
POOL_NAME: Final = parsed("the name of a pool", _printable)
STICK_TABLE_NAME: Final = parsed("the name of a stick table", _printable)


def name_fault(name: str) -> str:
    """Say what is wrong with a name, or nothing; commands and URLs name a backend POOL/BACKEND."""
    if "/" in name:
        return 'the name has a "/"'
    if not name:
        return "the name is empty"
    return "" if name.isprintable() else "the name has characters that don't print"


NETWORK: Final = parsed('a network, like "192.0.2.0/24" or "2001:db8::/32", or one address', _network)


@attrs.frozen
class Array:
    """An array of values of one kind, each given once."""

    item: Kind[object]
    plural: str
    may_be_empty: bool = False

    @property
    def expected(self) -> str:
        """Name what it holds."""
        return f"an array of {self.plural}"

    def read(self, value: object, place: Place) -> tuple[object, ...]:
        """Give the values that fit, noting the others."""
        if not isinstance(value, list) or not (value or self.may_be_empty):
            raise UnfitError
        items: dict[object, None] = {}
        for index, given in enumerate(value):
            item = read(self.item, given, place.under(index), None)
            if item in items:
                place.under(index).fault(f"{found(given)} again", "expected each once")
            elif item is not None:
                items[item] = None
        return tuple(items)


@attrs.frozen
class OneOrMore:
    """A value, or an array of such values."""

    item: Kind[object]
    plural: str

    @property
    def expected(self) -> str:
        """Name both."""
        return f"{self.item.expected}, or an array of {self.plural}"

    def read(self, value: object, place: Place) -> tuple[object, ...]:
        """Give the values, however many."""
        if isinstance(value, list):
            return Array(self.item, self.plural).read(value, place)
        return (self.item.read(value, place),)


@attrs.frozen
class Unordered:
    """An array whose order says nothing."""

    array: Array

    @property
    def expected(self) -> str:
        """Name what it holds."""
        return self.array.expected

    def read(self, value: object, place: Place) -> frozenset[object]:
        """Give the values as a set."""
        return frozenset(self.array.read(value, place))


@attrs.frozen
class Entries:
    """A table whose keys are the operator's, its values all of one kind."""

    key: Kind[str]
    value: Kind[object]
    expected: str

    def read(self, value: object, place: Place) -> Mapping[str, object]:
        """Give the entries that fit, noting the others."""
        if not isinstance(value, dict) or not value:
            raise UnfitError
        entries: dict[str, object] = {}
        for key, given in value.items():
            read(self.key, key, place.under(key), "")
            entry = read(self.value, given, place.under(key), None)
            if entry is not None:
                entries[key] = entry
        return entries


@attrs.frozen
class Either:
    """A table, or a single value instead."""

    single: Kind[object]
    table: Kind[object]

    @property
    def expected(self) -> str:
        """Name both."""
        return f"{self.single.expected}, or {self.table.expected}"

    def read(self, value: object, place: Place) -> object:
        """Read it as what it is."""
        return (self.table if isinstance(value, dict) else self.single).read(value, place)

"""Pools that stand in for others: how that is written, what is no way out, and the order they are asked in."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import fallback_chain, parse
from mrcpbalance.config._fallback import loops
from tests.config.documents import BASE, faults_of


def document(**fallback: str) -> str:
    """Write a document with these pools and their fallbacks besides `p`."""
    pools = (
        f'[pools.{name}]\nfallback = {value}\nbackends.b.rtsp = "192.0.2.1:1554"\n'
        for name, value in fallback.items()
    )
    return BASE + "".join(pools)


WRITTEN: Final = {"one": ('"p"', ("p",)), "several": ('["p", "r"]', ("p", "r"))}


@pytest.mark.parametrize(("text", "names"), WRITTEN.values(), ids=WRITTEN)
def test_written(text: str, names: tuple[str, ...]) -> None:
    config = parse(document(q=text) + '[pools.r.backends.b]\nrtsp = "192.0.2.1:1554"\n', "f")
    assert config.pools["q"].fallback == names
    assert config.pools["p"].fallback == ()


NOT_A_POOL: Final = "expected pools that don't fall back on this one"
BAD: Final = {
    "unknown": (document(spare='"q"'), 'f:9: pools.spare.fallback: no pool "q", expected "p"'),
    "nearly known": (
        document(spare='"p"', other='["spar"]'),
        'f:12: pools.other.fallback: no pool "spar", did you mean "spare"?',
    ),
    "no other pool": (
        BASE + '[pools.p]\nfallback = "q"\n',
        'f:9: pools.p.fallback: no pool "q", expected a table [pools.POOL]',
    ),
    "itself": (
        document(q='"q"'),
        f"f:9: pools.q.fallback: leads back to itself (q → q), {NOT_A_POOL}",
    ),
    "a ring": (
        document(q='"r"', r='["p", "s"]', s='"q"'),
        f"f:9: pools.q.fallback: leads back to itself (q → r → s → q), {NOT_A_POOL}",
    ),
    "a way that ends in a ring": (
        document(q='"r"', r='"s"', s='"r"'),
        f"f:12: pools.r.fallback: leads back to itself (r → s → r), {NOT_A_POOL}",
    ),
    "nothing in common": (
        BASE + '[pools.q]\nfallback = "p"\nbackends.b.tcp = "192.0.2.1:9000"\n',
        'f:9: pools.q.fallback: pool "p" has no backend with an address for what those of "q" have one for, expected a pool that speaks the same',
    ),
    "twice": (document(q='["p", "p"]'), 'f:9: pools.q.fallback[1]: found "p" again, expected each once'),
    "none": (
        document(q="[]"),
        "f:9: pools.q.fallback: found an empty array, expected the name of a pool, or an array of names of pools",
    ),
    "a number": (
        document(q="1"),
        "f:9: pools.q.fallback: found 1, expected the name of a pool, or an array of names of pools",
    ),
}


@pytest.mark.parametrize(("text", "line"), BAD.values(), ids=BAD)
def test_bad(text: str, line: str) -> None:
    assert faults_of(text) == [line]


def test_a_pool_with_a_faulty_address_may_speak_anything() -> None:
    text = BASE + '[pools.q]\nfallback = "p"\nbackends.b.rtps = "192.0.2.1:9000"\n'
    assert [fault for fault in faults_of(text) if "fallback" in fault] == []


@attrs.frozen
class Falls:
    """A pool's configuration, but for what doesn't matter here."""

    fallback: tuple[str, ...]


def pools(**fallback: str) -> Mapping[str, Falls]:
    """Pools of one letter each, and those each falls back on."""
    return {name: Falls(tuple(others)) for name, others in fallback.items()}


CHAINS: Final = {
    "alone": (pools(a=""), "a"),
    "one": (pools(a="b", b=""), "ab"),
    "theirs come behind them": (pools(a="bc", b="d", c="", d=""), "abdc"),
    "each once": (pools(a="bc", b="d", c="d", d=""), "abdc"),
    "a ring ends": (pools(a="b", b="c", c="a"), "abc"),
    "who isn't there is left out": (pools(a="xb", b=""), "ab"),
    "nobody": ({}, ""),
}


@pytest.mark.parametrize(("those", "chain"), CHAINS.values(), ids=CHAINS)
def test_chains(those: Mapping[str, Falls], chain: str) -> None:
    assert "".join(fallback_chain(those, "a")) == chain


def test_a_long_chain_is_no_trouble() -> None:
    long = {str(number): Falls((str(number + 1),)) for number in range(5_000)}
    assert len(fallback_chain(long, "0")) == 5_000
    assert list(loops(long)) == []


NAMES: Final = st.sampled_from("abcdef")


@given(st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=4)))
def test_loops_are_found_where_a_walk_comes_back(graph: dict[str, list[str]]) -> None:
    those = {name: Falls(tuple(others)) for name, others in graph.items()}
    reached = {
        name: {other for start in those[name].fallback for other in fallback_chain(those, start)}
        for name in those
    }
    found = list(loops(those))
    assert bool(found) == any(name in reached[name] for name in those)
    for way in found:
        assert way[0] == way[-1]
        assert all(after in those[before].fallback for before, after in pairwise(way))

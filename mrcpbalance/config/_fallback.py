"""Which pools a session may end up in: its own, then those that stand in for it, and those that stand in for them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol


class Leaning(Protocol):
    """A pool's configuration, as far as it says who stands in for it."""

    @property
    def fallback(self) -> Sequence[str]:
        """The pools that are asked next, in this order."""


def fallback_chain(pools: Mapping[str, Leaning], name: str) -> tuple[str, ...]:
    """Give the pools that are asked for the sessions of one, in order: itself, then each with those it falls back on.

    None is named twice; names of pools that aren't there are left out.
    """
    found: dict[str, None] = {}
    ahead = [name]
    while ahead:
        name = ahead.pop()
        if name in pools and name not in found:
            found[name] = None
            ahead.extend(reversed(pools[name].fallback))
    return tuple(found)


def loops(pools: Mapping[str, Leaning]) -> Iterator[tuple[str, ...]]:
    """Give the ways that lead from a pool back to itself, each once."""
    settled: set[str] = set()
    for name in pools:
        way = [] if name in settled else [name]
        ahead = [iter(pools[name].fallback)]
        while way:
            for other in ahead[-1]:
                if other in way:
                    yield (*way[way.index(other) :], other)
                elif other in pools and other not in settled:
                    way.append(other)
                    ahead.append(iter(pools[other].fallback))
                    break
            else:
                settled.add(way.pop())
                ahead.pop()

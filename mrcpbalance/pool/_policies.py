"""How one of several eligible backends is chosen. All policies but `first` honour weight."""

import functools
import hashlib
import itertools
import math
import typing
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ._backend import Backend
from ._want import Want

_SOURCES: Final = 4_096  # rankings kept; callers are few hosts, others cost one hash a backend


class Policy(typing.Protocol):
    """A way to choose. Eligible backends come in file order, at least one."""

    def choose(self, eligible: Sequence[Backend], want: Want, *, taking: bool) -> Backend:
        """Choose one; only a choice for `taking` a seat counts as a turn."""

    def score(self, backend: Backend, want: Want) -> float:
        """Tell how it is ranked; the lowest is chosen."""


def load(backend: Backend) -> float:
    """Sessions per weight."""
    return backend.capacity.sessions / backend.weight


class RoundRobin:
    """Smooth weighted rotation: each turn everybody earns their weight, and the chosen one pays for all."""

    __slots__ = ("_credits",)

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._credits: Final = dict.fromkeys(backends, 0)

    def choose(self, eligible: Sequence[Backend], want: Want, *, taking: bool) -> Backend:  # noqa: ARG002
        """Choose whose turn it is."""
        credit = self._credits
        chosen = max(eligible, key=lambda backend: credit[backend] + backend.weight)
        if taking:
            for backend in eligible:
                credit[backend] += backend.weight
                credit[chosen] -= backend.weight
        return chosen

    def score(self, backend: Backend, want: Want) -> float:  # noqa: ARG002 - the same for every want
        """Tell the credit it would have this turn, negated."""
        return -self._credits[backend] - backend.weight


class LeastSessions:
    """The fewest sessions per weight; those alike take turns, so that an idle pool is used evenly."""

    __slots__ = ("_turns",)

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._turns: Final = RoundRobin(backends)

    def choose(self, eligible: Sequence[Backend], want: Want, *, taking: bool) -> Backend:
        """Choose the one with the fewest sessions for its weight."""
        loads = [load(backend) for backend in eligible]
        least = min(loads)
        alike = [backend for backend, its in zip(eligible, loads, strict=True) if its == least]
        return alike[0] if len(alike) == 1 else self._turns.choose(alike, want, taking=taking)

    def score(self, backend: Backend, want: Want) -> float:  # noqa: ARG002 - the same for every want
        """Tell its sessions per weight."""
        return load(backend)


class RandomTwo:
    """Two drawn by weight, of which the one with fewer sessions per weight; the first drawn when alike."""

    __slots__ = ("_random",)

    def __init__(self, random: Callable[[], float]) -> None:
        self._random: Final = random

    def choose(self, eligible: Sequence[Backend], want: Want, *, taking: bool) -> Backend:  # noqa: ARG002
        """Draw two and choose one."""
        first = self._draw(eligible)
        others = [backend for backend in eligible if backend is not first]
        return min(first, self._draw(others), key=load) if others else first

    def score(self, backend: Backend, want: Want) -> float:  # noqa: ARG002 - the same for every want
        """Tell its sessions per weight; they count only among the two drawn."""
        return load(backend)

    def _draw(self, among: Sequence[Backend]) -> Backend:
        bounds = list(itertools.accumulate(backend.weight for backend in among))
        return among[bisect(bounds, self._random() * bounds[-1], hi=len(bounds) - 1)]


class SourceHash:
    """Weighted rendezvous: each source has its own fixed ranking, of which the best eligible one is chosen.

    When a backend leaves, only its own sources move; when it returns, only they move back.
    """

    __slots__ = ("_backends", "_ranking")

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._backends: Final = tuple(backends)
        self._ranking: Final = functools.lru_cache(_SOURCES)(self._rank)

    def choose(self, eligible: Sequence[Backend], want: Want, *, taking: bool) -> Backend:  # noqa: ARG002
        """Choose the best for this source."""
        return min(eligible, key=self._ranking(want.source).__getitem__)

    def score(self, backend: Backend, want: Want) -> float:
        """Tell when it arrives in the race of this source."""
        return self._ranking(want.source)[backend]

    def _rank(self, source: str) -> Mapping[Backend, float]:
        return {backend: _arrival(backend, source) for backend in self._backends}


def _arrival(backend: Backend, source: str) -> float:
    # A race of exponential clocks, each running at its weight: the first to ring wins as often as its weight says.
    seed = f"{backend.name}\0{source}".encode(errors="surrogatepass")
    # 52 bits, so that adding a half is exact: neither 0 nor 1 comes out, whose logarithms would not do.
    drawn = int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest()) >> 12
    return -math.log((drawn + 0.5) / 2**52) / backend.weight


class First:
    """The first in file order; weight doesn't matter."""

    __slots__ = ("_places",)

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._places: Final = {backend: place for place, backend in enumerate(backends)}

    def choose(self, eligible: Sequence[Backend], want: Want, *, taking: bool) -> Backend:  # noqa: ARG002
        """Choose the first."""
        return eligible[0]

    def score(self, backend: Backend, want: Want) -> float:  # noqa: ARG002 - the same for every want
        """Tell its place in the file."""
        return self._places[backend]


POLICIES: Final[Mapping[str, Callable[[Sequence[Backend], Callable[[], float]], Policy]]] = {
    "least-sessions": lambda backends, _: LeastSessions(backends),
    "round-robin": lambda backends, _: RoundRobin(backends),
    "random-two": lambda _, random: RandomTwo(random),
    "source-hash": lambda backends, _: SourceHash(backends),
    "first": lambda backends, _: First(backends),
}

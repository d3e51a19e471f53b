"""How simulated servers name sessions and channels; two servers can be made to give out the same names (E-01)."""

import itertools
import random
from collections.abc import Callable, Iterator

# Gives the ids of the channels of a dialog with this Call-ID, one after another.
Naming = Callable[[str], Iterator[str]]


def hex_ids(seed: int | None = None) -> Callable[[], str]:
    """Make ids of 16 hex digits; two makers with one seed issue the same ones."""
    source = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    return lambda: f"{source.getrandbits(64):016x}"


def one_for_each_call(new_id: Callable[[], str] | None = None) -> Naming:
    """Name all channels of a dialog alike, as UniMRCP does; by default with 16 hex digits."""
    make = new_id or hex_ids()
    return lambda _call_id: itertools.repeat(make())


def small_numbers(first: int = 1) -> Naming:
    """Count channels, as a server in the field does: two such servers collide with certainty."""
    numbers = itertools.count(first)
    return lambda _call_id: map(str, numbers)


def call_ids(call_id: str) -> Iterator[str]:
    """Name channels after their call, as mrcp_server does (F-12)."""
    return itertools.repeat(call_id)

"""Putting things in order of time: what was held back behind a hole comes late, not last."""

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Order(Generic[Thing]):
    """Hands things on by time, each once nothing older is expected any more."""

    def __init__(self, window: int, hand_on: Callable[[Thing], None]) -> None:
        self._window = window
        self._hand_on = hand_on
        self._heap: list[tuple[int, int, Thing]] = []
        self._count = 0
        self._newest = 0

    def put(self, time: int, thing: Thing) -> None:
        """Take a thing; hand on what is older than the window."""
        heap = self._heap
        self._count += 1
        heapq.heappush(heap, (time, self._count, thing))
        self._newest = max(self._newest, time)
        until = self._newest - self._window
        while heap and heap[0][0] <= until:
            self._hand_on(heapq.heappop(heap)[2])

    def end(self) -> None:
        """Hand on the rest."""
        while self._heap:
            self._hand_on(heapq.heappop(self._heap)[2])

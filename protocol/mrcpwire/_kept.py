"""Properties that are worked out once."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar, overload

_T = TypeVar("_T")
_V = TypeVar("_V")


class kept(Generic[_T, _V]):  # noqa: N801 - a decorator, as `property` is one
    """A property whose value is kept in the instance's `__dict__`, where it is found first from then on.

    `functools.cached_property` takes a lock each time up to Python 3.11, which costs more than most of what is read so.
    """

    def __init__(self, work: Callable[[_T], _V]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, owner: type[_T], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[_T]) -> Self: ...
    @overload
    def __get__(self, instance: _T, owner: type[_T]) -> _V: ...
    def __get__(self, instance: _T | None, owner: type[_T]) -> Self | _V:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._work(instance)
        return value

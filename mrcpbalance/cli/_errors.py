"""What trio raises in groups, for people who want to know what went wrong."""

from collections.abc import Iterator


def single(error: BaseException) -> Iterator[BaseException]:
    """Give the errors in a group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from single(one)
    else:
        yield error


def reason(error: BaseException) -> str:
    """Say what the first of a group of errors says; of the system's errors without their numbers."""
    first = next(single(error))
    return (first.strerror or str(first)) if isinstance(first, OSError) else str(first)

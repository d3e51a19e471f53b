"""Single keys from a terminal, while something else is on its screen."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

QUIT = frozenset(b"qQ\x03\x04")  # also Ctrl-C and Ctrl-D, should the terminal hand them over


@contextmanager
def single_keys() -> Iterator[int | None]:
    """Have keys come at once and unseen; gives the descriptor to read them from, None where there is no keyboard."""
    try:
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (OSError, ValueError, termios.error):
        yield None
        return
    try:
        tty.setcbreak(keyboard)
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def asked_to_quit(keyboard: int, within: float) -> bool:
    """Wait for a key for so many seconds; tell whether it is one that quits. The end of the keyboard is one, too."""
    if not select.select([keyboard], [], [], within)[0]:
        return False
    keys = os.read(keyboard, 64)
    return not keys or not QUIT.isdisjoint(keys)

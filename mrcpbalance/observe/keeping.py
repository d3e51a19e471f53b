"""What runs beside the admin interface: the clock of the history, and that of the news."""

from typing import Final

import trio

from .console import Console
from .feed import event
from .history import STEP

EVERY: Final = 1.0  # seconds between two looks at how things stand, while somebody watches


async def keep_history(console: Console) -> None:
    """Close a step of the history whenever its time is over, until cancelled."""
    at = trio.current_time()
    while True:
        at += STEP
        await trio.sleep_until(at)
        console.history.sample(console.pools.values(), console.meters)


async def keep_feed(console: Console) -> None:
    """Show those who watch how things stand, each second in which that changed, until cancelled."""
    before = b""
    while True:
        await console.feed.wait_watched()
        now = event("pools", console.standing())
        console.feed.show(b"" if now == before else now)
        before = now
        await trio.sleep(EVERY)

"""A fault in an owner ends that owner's connections, is told with its place, and nothing else happens to anybody."""

import pytest
import trio

from mrcpbalance.proxy.switchboard import Link, Switchboard
from mrcpbalance.sessions.ports import CloseReason
from tests.proxy.switchboard_kit import (
    WITHIN,
    Peer,
    Recorder,
    address,
    adopted,
    dialled,
    listening,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time

CALLS = ("connected", "received", "finished", "lost")


def raises() -> None:
    raise ZeroDivisionError


async def lead_to(call: str, link: Link, peer: Peer) -> None:
    """Have an owner called so."""
    await settled()
    if call == "received":
        await peer.send(b"x")
    elif call == "finished":
        peer.finish()
    elif call == "lost":
        peer.reset()
    await settled()


class Bystanders:
    """Two connections of others, which must live on."""

    def __init__(self, board: Switchboard) -> None:
        self.owner = Recorder()
        self.link, self.peer = adopted(board, self.owner)

    async def live(self) -> None:
        await self.peer.send(b"still here")
        await self.owner.until(lambda: self.owner.data == b"still here")
        self.link.send(b"me too")
        assert await self.peer.receive(6) == b"me too"


@pytest.mark.parametrize("call", CALLS)
async def test_the_owner_ends_what_it_holds(call: str) -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)
        owner = Recorder(**{call: raises})
        link, peer = dialled(board, owner)

        def apologises() -> None:
            link.send(b"sorry")
            link.close()

        owner.then["crashed"] = apologises
        await lead_to(call, link, peer)
        assert owner.heard[-1] == "crashed"
        assert faults == [(f"Recorder.{call}", "ZeroDivisionError()")]
        assert board.faults == 1
        if call != "lost":
            assert await peer.end() == b"sorry"
        await others.live()


@pytest.mark.parametrize("call", CALLS)
async def test_what_the_owner_leaves_open_is_closed(call: str) -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)
        owner = Recorder(**{call: raises})
        link, peer = dialled(board, owner)
        owner.then["crashed"] = lambda: link.send(b"sorry")
        await lead_to(call, link, peer)
        if call != "lost":
            assert owner.heard[-2:] == ["crashed", "lost"]
            assert owner.reason is CloseReason.FAULT
            assert await peer.end() == b"sorry"
        await others.live()


@pytest.mark.parametrize("call", CALLS)
async def test_the_family_falls_when_crashed_raises_too(call: str) -> None:
    """The caller's connection and what its owner dialled are one family; who else is there is none of it."""
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)
        with listening() as listener:
            backend = Recorder(**{call: raises, "crashed": raises})
            backend_links: list[Link] = []
            caller = Recorder(
                received=lambda: backend_links.append(board.dial(address(listener), backend, within=WITHIN))
            )
            _, caller_peer = adopted(board, caller)
            await caller_peer.send(b"dial")
            await caller.hears("received")
            peer = Peer(listener.accept()[0])
        await lead_to(call, backend_links[0], peer)
        assert caller.reason is CloseReason.FAULT
        assert backend.heard.count("lost") == 1
        assert await caller_peer.is_reset()
        assert call == "lost" or await peer.is_reset()
        assert [where for where, _ in faults] == [f"Recorder.{call}", "Recorder.crashed"]
        await others.live()
        assert board.links == 1


async def test_raising_in_every_call_ends_all_the_same() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)
        owner = Recorder(received=raises, lost=raises, crashed=raises)
        _, peer = adopted(board, owner)
        await peer.send(b"x")
        assert await peer.is_reset()
        assert [where for where, _ in faults] == ["Recorder.received", "Recorder.crashed", "Recorder.lost"]
        assert owner.heard == ["received", "crashed", "lost"]
        await others.live()


async def test_raising_after_giving_up_is_told_to_the_owner() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:

        def gives_up() -> None:
            link.abort()
            raise KeyError

        link, peer = adopted(board, owner := Recorder(received=gives_up))
        await peer.send(b"x")
        await owner.hears("crashed")
        assert owner.heard == ["received", "crashed"]
        assert await peer.is_reset()


async def test_a_link_handed_to_another_owner_outlives_the_fault() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        heir = Recorder()

        def hands_over() -> None:
            link.owner = heir

        link, peer = adopted(board, owner := Recorder(received=raises, crashed=hands_over))
        await peer.send(b"x")
        await owner.hears("crashed")
        await peer.send(b"y")
        await heir.hears("received")
        assert owner.reason is None


async def test_a_log_that_fails_stops_nothing() -> None:
    def fails(fault: Exception, where: str) -> None:
        raise OSError("disk full")

    board = Switchboard(unsent=1000, stall=1, linger=1, on_fault=fails)
    async with trio.open_nursery() as nursery:
        await nursery.start(board.run)
        link, peer = adopted(board, owner := Recorder(received=raises))
        await peer.send(b"x")
        await owner.hears("lost")
        peer.close()
        await board.wait_quiet()
        assert link.unsent == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_process_is_not_swallowed(fault: type[BaseException]) -> None:
    def stops() -> None:
        raise fault

    boards: list[Switchboard] = []

    async def runs() -> None:
        async with switchboard() as board:
            boards.append(board)
            _, peer = adopted(board, Recorder(received=stops))
            await peer.send(b"x")
            await trio.sleep_forever()

    with pytest.RaisesGroup(fault, flatten_subgroups=True):
        await runs()
    assert boards[0].epoll.closed


async def test_our_own_fault_ends_one_link() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)
        for broken, act in BROKEN.items():
            link, peer = adopted(board, owner := Recorder())

            class Failing:
                def __getattr__(self, name: str) -> object:
                    if name == broken:  # noqa: B023 - used at once
                        raise ZeroDivisionError
                    return getattr(sock, name)  # noqa: B023 - used at once

            sock, link._sock = link._sock, Failing()  # type: ignore[assignment]
            await act(link, peer)
            await owner.hears("lost")
            assert owner.reason is CloseReason.FAULT
        assert [where for where, _ in faults] == ["Link.ready", "Link.push"]
        await others.live()


async def receives(link: Link, peer: Peer) -> None:
    await peer.send(b"x")


async def sends(link: Link, peer: Peer) -> None:
    link.send(b"x")


BROKEN = {"recv": receives, "send": sends}

# Alarms


class Holder(Recorder):
    """An owner with an alarm."""

    def ring(self, now: float) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize("alone", [False, True])
async def test_an_alarm_of_an_owner_that_raises(*, alone: bool) -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)
        holder = Holder()
        peer = None if alone else adopted(board, holder)[1]
        board.alarm(holder.ring).set(board.fresh())
        await holder.hears("crashed")
        assert faults == [("Holder.ring", "ZeroDivisionError()")]
        if peer is not None:
            assert await peer.end() == b""
            assert holder.heard == ["crashed", "lost"]
        await others.live()


async def test_an_alarm_of_somebody_else_blames_the_family_it_was_made_for() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)

        def rings(now: float) -> None:
            raise ZeroDivisionError

        owner = Recorder(received=lambda: board.alarm(rings).set(board.now))
        _, peer = adopted(board, owner)
        await peer.send(b"x")
        assert await peer.end() == b""
        assert owner.heard == ["received", "crashed", "lost"]
        assert [where for where, _ in faults] == [rings.__qualname__]
        await others.live()


async def test_an_alarm_of_nobody_is_only_told() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        others = Bystanders(board)

        class Nameless:
            def __call__(self, now: float) -> None:
                raise ZeroDivisionError

        board.alarm(Nameless()).set(board.fresh())
        await settled()
        assert faults == [("alarm", "ZeroDivisionError()")]
        await others.live()


async def test_an_alarm_whose_owner_cannot_end_it_takes_the_family() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        holder = Holder(crashed=raises)
        holder.then["received"] = lambda: board.alarm(holder.ring).set(board.now)
        _, peer = adopted(board, holder)
        await peer.send(b"x")
        assert await peer.is_reset()
        assert holder.reason is CloseReason.FAULT

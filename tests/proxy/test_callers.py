"""The caller connections of the process: counted in and out, limited in all and by source, ended together."""

from typing import ClassVar

import attrs

from mrcpbalance.config import Limits
from mrcpbalance.pool import Backend
from mrcpbalance.proxy.callers import Callers
from mrcpbalance.sessions import End
from tests.mrcpv1.rtsp_stage import RtspStage
from tests.stage import StagePort


@attrs.define(eq=False, slots=False)
class Core:
    """A caller connection that leaves when it is stopped."""

    protocol: ClassVar[str] = "tcp"
    callers: Callers
    stopped: list[str] = attrs.field(factory=list)

    def stop(self, end: End, now: float) -> None:
        self.stopped.append(f"{end} at {now:.0f}")
        self.callers.left(self)

    def make_way(self, by: float, now: float) -> None:
        self.stopped.append(f"makes way from {now:.0f} to {by:.0f}")

    def leave(self, backend: Backend, end: End, now: float) -> None:
        raise NotImplementedError


def join(callers: Callers, source: str) -> Core:
    core = Core(callers)
    callers.joined(core, StagePort(RtspStage(), source))
    return core


def test_room_in_all() -> None:
    callers = Callers(Limits(connections=2))
    assert callers.room("192.0.2.1") is None
    first = join(callers, "192.0.2.1")
    join(callers, "192.0.2.2")
    assert callers.room("192.0.2.3") == "limits.connections"
    callers.left(first)
    assert callers.room("192.0.2.3") is None


def test_room_for_a_source() -> None:
    callers = Callers(Limits(connections_per_source=1))
    first = join(callers, "192.0.2.1")
    assert callers.room("192.0.2.1") == "limits.connections_per_source"
    assert callers.room("192.0.2.2") is None
    callers.left(first)
    assert callers.room("192.0.2.1") is None


def test_nothing_is_kept_of_who_left() -> None:
    callers = Callers(Limits())
    cores = [join(callers, f"192.0.2.{number % 3}") for number in range(9)]
    for core in cores:
        callers.left(core)
        callers.left(core)  # told twice
    assert (callers.live, dict(callers.sources)) == ({}, {})


def test_looking_for_room_leaves_no_entry() -> None:
    callers = Callers(Limits())
    callers.room("192.0.2.1")
    assert dict(callers.sources) == {}


def test_all_are_stopped_though_they_leave_meanwhile() -> None:
    callers = Callers(Limits())
    cores = [join(callers, "192.0.2.1") for _ in range(3)]
    callers.stop(7.0)
    assert [core.stopped for core in cores] == [["operator/active at 7"]] * 3
    assert callers.live == {}


def test_the_fault_of_one_keeps_no_other_from_its_end() -> None:
    told: list[tuple[str, str]] = []
    callers = Callers(Limits(), report=lambda fault, where: told.append((str(fault), where)))
    cores = [join(callers, "192.0.2.1") for _ in range(3)]
    cores[1].stop = _fails  # type: ignore[method-assign, assignment]
    callers.stop(7.0)
    assert [len(core.stopped) for core in cores] == [1, 0, 1]
    assert told == [("our own", "_fails")]


def _fails(_end: End, _now: float) -> None:
    raise ValueError("our own")


def test_all_make_way() -> None:
    callers = Callers(Limits())
    cores = [join(callers, "192.0.2.1") for _ in range(2)]
    callers.make_way(8.0, 7.0)
    assert [core.stopped for core in cores] == [["makes way from 7 to 8"]] * 2

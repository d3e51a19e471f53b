"""The last minutes of each backend: what counts where, and that old steps go."""

from bisect import bisect_left

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.observe import history
from mrcpbalance.observe.history import BOUNDS, KEPT, STEP, percentile
from mrcpbalance.observe.keeping import keep_history
from mrcpbalance.sessions import Phase, Who
from tests.observe.admin_stage import AdminStage


class HistoryStage(AdminStage):
    """Sessions whose beginnings and ends the history hears of."""

    def __init__(self) -> None:
        super().__init__()
        self.history = self.console.history
        self.register.on_answer = self.history.answered
        self.statistics.on_end = lambda session, _: self.history.ended(session)

    def set_up(self, backend: str, seconds: float, *, waited: float = 0.0) -> None:
        """Have a session begin, its backend asked after `waited`, and answering after so many seconds more."""
        session = self.session(backend=backend, setup=None)
        assert session.seat is not None
        session.seat.taken_at = self.now + waited
        self.register.answered(session, self.now + waited + seconds)
        self.end(session, Who.CLIENT, Phase.TEARDOWN)

    def step(self) -> None:
        self.now += STEP
        self.history.sample(self.pools.values(), self.meters)

    async def row(self, backend: str, query: str = "") -> dict[str, object]:
        rows = (await self.get(f"/api/v1/history{query}")).json["backends"]
        (row,) = [row for row in rows if row["backend"] == backend]
        assert isinstance(row, dict)
        return row


async def test_set_ups_are_timed_from_when_their_backend_was_asked() -> None:
    stage = HistoryStage()
    stage.set_up("asr-1", 0.010)
    stage.set_up("asr-2", 0.200, waited=5.0)
    stage.step()
    quick, slow = await stage.row("asr-1"), await stage.row("asr-2")
    assert quick["setup_p95_ms"] == [pytest.approx(10, rel=0.2)]
    assert slow["setup_p95_ms"] == [pytest.approx(200, rel=0.2)]
    assert (quick["started"], quick["ended"]) == ([1], {"client/teardown": [1]})


async def test_a_step_is_over_when_it_is_over() -> None:
    stage = HistoryStage()
    stage.set_up("asr-1", 0.010)
    stage.step()
    living = stage.session(backend="asr-1")
    stage.backend("speech", "asr-1").failed("rtsp", stage.now)
    stage.step()
    stage.end(living, Who.BACKEND, Phase.ACTIVE)
    stage.step()
    row = await stage.row("asr-1")
    assert row["started"] == [1, 1, 0]
    assert row["live"] == [0, 1, 0]
    assert row["failures"] == [0, 1, 0]
    assert row["ended"] == {"backend/active": [0, 0, 1], "client/teardown": [1, 0, 0]}
    assert row["setup_p50_ms"] == [pytest.approx(10, rel=0.2), pytest.approx(20, rel=0.2), None]


async def test_requests_are_counted_in_the_step_they_ended_in() -> None:
    stage = HistoryStage()
    meter = stage.meters.of("speech", "asr-1", "mrcpv1")
    meter.done(b"SPEAK", 9.0)
    stage.step()
    meter.done(b"SPEAK", 1.0)
    stage.meters.of("speech", "asr-1", "mrcpv2").done(b"SPEAK", 2.0)
    stage.step()
    stage.step()
    row = await stage.row("asr-1")
    assert row["requests"] == {
        "SPEAK": [{"count": 1, "mean_ms": 9000.0}, {"count": 2, "mean_ms": 1500.0}, None]
    }
    assert row["recent"]["requests"] == {"SPEAK": {"count": 3, "mean_ms": 4000.0}}  # type: ignore[index]


async def test_the_last_minute_is_added_up_with_the_step_that_runs() -> None:
    stage = HistoryStage()
    stage.set_up("asr-1", 8.0)
    for _ in range(history.RECENT + 1):
        stage.step()  # what was before is no part of it
    for seconds in (0.010, 0.010, 0.010, 0.400):
        stage.set_up("asr-1", seconds)
    recent = (await stage.row("asr-1"))["recent"]
    assert isinstance(recent, dict)
    assert (recent["started"], recent["ended"]) == (4, {"client/teardown": 4})
    assert recent["setup_p50_ms"] == pytest.approx(10, rel=0.2)
    assert recent["setup_p95_ms"] == pytest.approx(400, rel=0.2)


async def test_ten_minutes_are_kept_and_fewer_can_be_asked_for() -> None:
    stage = HistoryStage()
    stage.set_up("asr-1", 0.010)
    for _ in range(KEPT + 7):
        stage.step()
    answer = (await stage.get("/api/v1/history")).json
    assert (answer["step_s"], answer["steps"]) == (5, KEPT)
    assert {len(row["started"]) for row in answer["backends"]} == {KEPT}
    assert sum((await stage.row("asr-1"))["started"]) == 0  # type: ignore[call-overload]
    assert len((await stage.row("asr-1", "?seconds=60"))["live"]) == 12  # type: ignore[arg-type]
    for wrong in ("0", "601", "x", "٣"):
        refused = await stage.get(f"/api/v1/history?seconds={wrong}")
        assert (refused.status, "from 1 to 600" in refused.error) == (400, True)


async def test_backends_come_and_go() -> None:
    stage = HistoryStage()
    stage.step()
    stage.history.ended(stage.session(backend="asr-1"))
    backends = stage.pools["speech"].backends
    gone = backends.pop("asr-1")
    stage.step()
    with pytest.raises(ValueError, match="not enough values"):
        await stage.row("asr-1")
    backends["asr-1"] = gone
    stage.step()
    assert (await stage.row("asr-1"))["live"] == [0, 0, 1]


async def test_sessions_that_found_no_backend_have_a_row_of_their_own() -> None:
    stage = HistoryStage()
    stage.step()
    session = stage.register.open("mrcpv1", "198.51.100.7", "speech", stage.now)
    assert session is not None
    stage.end(session, Who.PROXY, Phase.SETUP)
    stage.step()
    assert (await stage.row(""))["ended"] == {"proxy/setup": [0, 1]}


async def test_steps_end_by_the_clock() -> None:
    stage = HistoryStage()
    with trio.move_on_after(3.5 * STEP):
        await keep_history(stage.console)
    assert stage.history.steps == 3


@given(st.lists(st.floats(0.001, 30), min_size=1), st.sampled_from((0.5, 0.95)))
def test_a_percentile_is_about_right(values: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for value in values:
        at = bisect_left(BOUNDS, value)
        counts[at] = counts.get(at, 0) + 1
    exact = sorted(values)[max(-(-int(share * 100) * len(values) // 100) - 1, 0)]
    found = percentile(counts, share)
    assert found is not None
    assert exact / 1.2 <= found <= exact * 1.2


def test_no_values_have_no_percentile_and_no_value_is_too_large() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({len(BOUNDS): 3}, 0.5) == BOUNDS[-1]

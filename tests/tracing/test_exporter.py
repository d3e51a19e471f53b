"""Spans reach a collector as OTLP; one that is away, silent or full costs nobody but the spans."""

import time

import attrs
import pytest

from mrcpbalance.config import TracingConfig
from mrcpbalance.tracing import Span
from mrcpbalance.tracing.exporter import Exporter
from tests.tracing.collector import Collector, collecting

pytestmark = pytest.mark.real_time

ID = "00112233aabbccdd"


@attrs.define
class Journal:
    notes: list[tuple[str, dict[str, object]]] = attrs.field(factory=list)

    def note(self, event: str, /, **fields: object) -> None:
        self.notes.append((event, fields))


def span(kind: str = "request", name: str = "SPEAK", fault: str = "") -> Span:
    return Span(
        session=ID,
        kind=kind,  # type: ignore[arg-type]
        name=name,
        begun=1_700_000_000.5,
        ended=1_700_000_001.75,
        attributes={"mrcp.status": 200, "mrcp.completed": True, "mrcp.keys": ("a", "b")},
        fault=fault,
    )


def exporter(collector: Collector, journal: Journal, **keys: object) -> Exporter:
    config = TracingConfig(endpoint=collector.endpoint, timeout=0.5)
    return Exporter(attrs.evolve(config, **keys), journal, "1.2.3")  # type: ignore[arg-type]


@pytest.fixture
def journal() -> Journal:
    return Journal()


async def test_a_session_is_a_trace(journal: Journal) -> None:
    with collecting() as collector:
        telling = exporter(collector, journal)
        telling.told(span())
        telling.told(span("set-up", "set-up"))
        telling.told(span("session", "session mrcpv1", fault="backend/active"))
        request, setup, session = await collector.count(3)
        assert telling.stop(10.0)
    assert session.id == ID
    assert {one.trace for one in (request, setup, session)} == {ID + ID}  # the log's `session`, twice
    assert (session.parent, request.parent, setup.parent) == ("", ID, ID)
    assert len({request.id, setup.id, session.id}) == 3
    assert (request.name, setup.name, session.name) == ("SPEAK", "set-up", "session mrcpv1")
    assert (request.kind, setup.kind, session.kind) == (3, 1, 2)  # client, internal, server
    assert (request.error, session.error) == ("", "backend/active")
    assert (request.begun, request.ended) == (1_700_000_000_500_000_000, 1_700_000_001_750_000_000)
    assert request.attributes == {"mrcp.status": 200, "mrcp.completed": True, "mrcp.keys": ["a", "b"]}
    assert (request.service["service.name"], request.service["service.version"]) == ("mrcpbalance", "1.2.3")
    assert journal.notes == []


async def test_what_waits_is_delivered_at_the_end(journal: Journal) -> None:
    with collecting() as collector:
        telling = exporter(collector, journal)
        for _ in range(100):
            telling.told(span())
        assert telling.stop(10.0)
        assert len(collector.spans) == 100


async def test_a_silent_collector_costs_spans_and_nothing_else(journal: Journal) -> None:
    with collecting(silent=True) as collector:
        telling = exporter(collector, journal, queue=10)
        began = time.perf_counter()
        for _ in range(50_000):
            telling.told(span())
        assert time.perf_counter() - began < 5.0
        assert telling.dropped > 0
        assert telling._queue.qsize() <= 10
        assert collector.asked.wait(10.0)
        assert not telling.stop(0.05)  # the end of the process doesn't wait for it
        collector.speak.set()
        assert telling.stop(20.0)  # lest its troubles go to the next test's log
    dropped = [fields["dropped"] for event, fields in journal.notes if event == "spans-dropped"]
    assert dropped == [2**number for number in range(len(dropped))]


async def test_a_collector_that_refuses_is_told_of_in_the_log(journal: Journal) -> None:
    with collecting(status=400) as collector:
        telling = exporter(collector, journal)
        telling.told(span())
        assert telling.stop(20.0)
    event, fields = journal.notes[0]
    assert (event, fields["level"], fields["times"]) == ("tracing-trouble", "warning", 1)
    assert "400" in str(fields["what"])

"""Requests outside sessions, as they are found in a capture."""

import io

import pytest

from mrcpbalance.traces import Trace, read
from mrcpbalance.traces.replay import asides, script
from tests.pcap import CAPTURES
from tests.traces.packets import SERVER
from tests.traces.scene import Scene

OTHER = ("203.0.113.5", 554)
PHONE = ("192.0.2.10", 5060)
EXCHANGE = ("198.51.100.2", 5060)


def rtsp(
    scene: Scene, *said: tuple[bool, bytes], server: tuple[str, int] = SERVER, port: int = 40_000
) -> None:
    connection = scene.tcp(("192.0.2.10", port), server)
    for from_client, line in said:
        connection.segment(from_client, line.replace(b"|", b"\r\n") + b"\r\n\r\n")


def options(number: int, *, to_tag: bytes = b"") -> bytes:
    lines = [
        b"OPTIONS sip:198.51.100.2 SIP/2.0",
        b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK%d" % number,
        b"From: <sip:a@192.0.2.10>;tag=1",
        b"To: <sip:b@198.51.100.2>" + to_tag,
        b"Call-ID: %d" % number,
        b"CSeq: 7 OPTIONS",
    ]
    return b"\r\n".join([*lines, b"", b""])


def answer(request: bytes, status: int) -> bytes:
    return b"\r\n".join([b"SIP/2.0 %d X" % status, *request.split(b"\r\n")[1:]])


def found(trace: Trace) -> list[tuple[str, int | None]]:
    return [
        (one.id, getattr(one.messages[-1].parsed, "status", None))
        for one in asides(trace.asides, trace.sessions)
    ]


def read_all(scene: Scene) -> Trace:
    return read(io.BytesIO(scene.file()), asides=True)


DESCRIBE = b"DESCRIBE rtsp://198.51.100.2/media/speechrecognizer RTSP/1.0|CSeq: %d"
OK = b"RTSP/1.0 200 OK|CSeq: %d"


def test_rtsp_in_its_order() -> None:
    scene = Scene()
    rtsp(
        scene,
        (True, DESCRIBE % 1),
        (True, b"OPTIONS * RTSP/1.0|CSeq: 2"),
        (True, b"GET_PARAMETER * RTSP/1.0|CSeq: 3"),
        (False, OK % 1),
        (False, b"RTSP/1.0 503 No|CSeq: 2"),
        (False, OK % 3),
        (True, DESCRIBE % 4),
    )
    trace = read_all(scene)
    assert found(trace) == [("DESCRIBE speechrecog", 200), ("OPTIONS *", 503), ("DESCRIBE speechrecog", None)]
    [group] = script((), asides(trace.asides, ())).groups
    assert [step.by for step in group.steps if step.sessions[0].is_aside][:1] == ["caller"]


def test_sip_once_however_often_it_came() -> None:
    scene = Scene()
    for data in (one := options(1), one):
        scene.udp(PHONE, EXCHANGE, data)
    for status in (100, 200, 200):
        scene.udp(EXCHANGE, PHONE, answer(one, status))
    scene.udp(PHONE, EXCHANGE, options(2, to_tag=b";tag=9"))  # inside some dialog
    scene.udp(PHONE, EXCHANGE, options(3).replace(b"OPTIONS", b"REGISTER"))
    scene.udp(PHONE, EXCHANGE, options(4))
    assert found(read_all(scene)) == [("OPTIONS", 200), ("OPTIONS", None)]


def test_others_than_the_servers_of_sessions_are_left_alone() -> None:
    scene = Scene()
    setup = b"SETUP rtsp://198.51.100.2/media/speechrecognizer RTSP/1.0|CSeq: 1"
    rtsp(scene, (True, setup), (False, OK % 1 + b"|Session: 1"))
    rtsp(scene, (True, DESCRIBE % 1), (False, OK % 1), port=40_001)
    rtsp(scene, (True, DESCRIBE % 1), (False, OK % 1), port=40_002, server=OTHER)
    scene.udp(PHONE, EXCHANGE, options(1))  # no call says which SIP servers these are
    trace = read_all(scene)
    assert [str(one.server) for one in asides(trace.asides, trace.sessions)] == [
        "198.51.100.2:1554",
        "198.51.100.2:5060",
    ]


@pytest.mark.parametrize("wanted", [False, True])
def test_they_are_kept_where_they_are_wanted(wanted: bool) -> None:
    with (CAPTURES / "unimrcp-resource-discovery.pcap").open("rb") as file:
        trace = read(file, asides=wanted)
    assert len(trace.asides) == (10 if wanted else 0)
    assert sum(trace.outside.values()) == 5

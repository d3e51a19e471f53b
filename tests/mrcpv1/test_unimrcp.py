"""What UniMRCP's own client and server do that others don't, each as its octets came."""

from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv1.rtsp_stage import (
    A,
    B,
    RtspStage,
    announce,
    answer,
    message,
    request,
    set_up,
    setup,
    statuses,
)

OWN = 2147483647  # the CSeq of what no caller asked


def test_each_resource_is_released_behind_an_aggregate_uri() -> None:
    """UniMRCP answers 200 to the aggregate URI, but ends a session only with a TEARDOWN of its last resource by name."""
    stage = RtspStage()
    backend = stage.begin()
    second = setup(
        2, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
    )
    stage.client.says(second)
    backend.says(set_up(2, b"s-one-id"))
    aggregate = message(b"TEARDOWN rtsp://192.0.2.1:1554/media RTSP/1.0", b"CSeq: 3", b"Session: s-one-id")
    stage.client.says(aggregate)
    stage.client.heard()
    backend.heard()
    backend.says(answer(200, 3, b"s-one-id"))
    assert stage.client.heard() == answer(200, 3, b"s-one-id")
    assert backend.heard() == request(b"TEARDOWN", OWN, b"s-one-id") + request(
        b"TEARDOWN", OWN, b"s-one-id", resource=b"speechsynthesizer"
    )
    backend.says(answer(200, OWN, b"s-one-id") + answer(454, OWN, b"s-one-id"))
    assert stage.client.heard() == b""
    assert stage.ends == ["client/teardown"]


def test_describe_goes_where_its_resource_is_served() -> None:
    """A UniMRCP client asks for each resource; a server that lacks one must not answer for the pool."""
    stage = RtspStage(split={"a": "speechsynth", "b": "speechrecog"})
    for cseq, resource, host in (
        (1, b"speechrecognizer", B),
        (2, b"speechsynthesizer", A),
        (3, b"recorder", A),  # nobody serves it: whoever is up may say so
    ):
        asked = request(b"DESCRIBE", cseq, None, resource=resource)
        stage.client.says(asked)
        assert stage.at(host).heard() == asked
        stage.at(host).says(answer(200, cseq))
        assert stage.client.heard() == answer(200, cseq)


def test_a_session_that_its_caller_left_ends_though_its_backend_is_silent() -> None:
    """A server that hangs at TEARDOWN keeps neither the session nor its seat until `session_idle` is over."""
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    stage.passes(60)
    assert statuses(stage.client.heard()) == [(504, b"2")]
    assert stage.ends == ["timeout/teardown"]
    assert stage.taken == {"a": 0, "b": 0}
    a.says(answer(200, 2, b"s-one-id"))
    stage.client.says(request(b"TEARDOWN", 3, b"s-one-id"))
    assert statuses(stage.client.heard()) == [(454, b"3")]


def test_a_resource_that_its_caller_left_is_gone_though_its_backend_is_silent() -> None:
    stage = RtspStage(backend={"max_sessions": {"speechsynth": 1}})
    a = stage.begin(resource=b"speechsynthesizer")
    again = setup(2, b"recognizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001")
    stage.client.says(again)
    a.says(set_up(2, b"s-one-id"))
    stage.client.says(request(b"TEARDOWN", 3, b"s-one-id", resource=b"speechsynthesizer"))
    stage.passes(60)
    a.says(answer(200, 3, b"s-one-id"))
    (record,) = stage.context.register
    assert record.end is None
    a.heard()
    stage.client.says(announce(4, b"s-one-id", resource=b"recognizer"))
    assert a.heard() == announce(4, b"s-one-id", resource=b"recognizer")
    stage.client.goes()
    assert stage.ends == ["client/active"]  # no release was open


def test_octets_that_never_left_are_not_counted() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).goes(CloseReason.REFUSED)
    stage.at(B).connects()
    stage.at(B).says(answer(404, 1))
    (record,) = stage.ended
    assert (record.attempts, record.bytes_to_backend) == (2, len(setup(1)))

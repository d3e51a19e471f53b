"""The metrics, as Prometheus reads them: names, labels, and values that agree with what happened."""

from prometheus_client.parser import text_string_to_metric_families

from mrcpbalance.sessions import Phase, Who
from mrcpbalance.sessions._meter import METHODS
from tests.observe.admin_stage import TEXT, AdminStage

type_samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(stage: AdminStage) -> type_samples:
    answer = await stage.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def one(samples: type_samples, name: str, **labels: str) -> float | None:
    return samples.get((f"mrcpbalance_{name}", tuple(sorted(labels.items()))))


ASR_1 = {"pool": "speech", "backend": "asr-1", "protocol": "mrcpv1"}
ASR_2 = {"pool": "speech", "backend": "asr-2", "protocol": "mrcpv1"}


async def test_before_anything_happened() -> None:
    samples = await scrape(AdminStage())
    for labels in (ASR_1, ASR_2, ASR_1 | {"protocol": "mrcpv2"}):
        assert one(samples, "backend_up", **labels) == 1
        assert one(samples, "sessions_active", **labels) == 0
        assert one(samples, "health_failures_total", **labels) == 0
    assert one(samples, "backend_up", **(ASR_2 | {"protocol": "mrcpv2"})) is None  # it doesn't take part
    assert (
        one(samples, "backend_up", **(ASR_1 | {"protocol": "tcp"})) is None
    )  # only its rtsp address would stand in
    for protocol in ("mrcpv1", "mrcpv2", "mrcp", "tcp"):
        assert one(samples, "connections_active", protocol=protocol) == 0
    assert one(samples, "stick_table_entries", table="clients") == 0
    assert one(samples, "stick_table_size", table="clients") == 10
    assert one(samples, "setup_retries_total", pool="raw", backend="echo") == 0
    assert one(samples, "sessions_refused_total", pool="raw") == 0
    assert one(samples, "stick_table_evictions_total", table="clients") == 0
    assert one(samples, "info", version="1.2.3") == 1
    assert one(samples, "start_timestamp_seconds") == 1_700_001_000.0
    for outcome in ("placed", "timed-out", "left", "full"):
        assert one(samples, "queue_total", pool="speech", outcome=outcome) == 0


async def test_sessions() -> None:
    stage = AdminStage()
    first, second = stage.session(backend="asr-1", setup=0.02), stage.session(backend="asr-1", setup=0.3)
    stage.session(backend="asr-2")
    samples = await scrape(stage)
    assert [one(samples, "sessions_active", **labels) for labels in (ASR_1, ASR_2)] == [2, 1]
    assert one(samples, "sessions_total", **ASR_1, end="client/teardown") is None
    stage.now += 10
    for session in (first, second):
        stage.end(session, Who.CLIENT, Phase.TEARDOWN)
    never = stage.session(backend="asr-1", setup=None)
    stage.end(never, Who.BACKEND, Phase.SETUP)
    samples = await scrape(stage)
    assert [one(samples, "sessions_active", **labels) for labels in (ASR_1, ASR_2)] == [0, 1]
    assert one(samples, "sessions_total", **ASR_1, end="client/teardown") == 2
    assert one(samples, "sessions_total", **ASR_1, end="backend/setup") == 1
    assert one(samples, "session_seconds_count", **ASR_1) == 2
    assert one(samples, "session_seconds_sum", **ASR_1) == 20
    assert one(samples, "session_seconds_bucket", **ASR_1, le="5.0") == 0
    assert one(samples, "session_seconds_bucket", **ASR_1, le="15.0") == 2
    assert one(samples, "session_seconds_bucket", **ASR_1, le="+Inf") == 2
    assert one(samples, "setup_seconds_count", **ASR_1) == 2  # the one that never started took no time
    assert one(samples, "setup_seconds_bucket", **ASR_1, le="0.025") == 1
    assert one(samples, "setup_seconds_bucket", **ASR_1, le="0.5") == 2
    assert round(one(samples, "setup_seconds_sum", **ASR_1) or 0, 6) == 0.32


async def test_a_session_that_never_had_a_backend() -> None:
    stage = AdminStage()
    session = stage.register.open("mrcpv1", "192.0.2.1", "speech", stage.now)
    assert session is not None
    labels = ASR_1 | {"backend": ""}
    assert one(await scrape(stage), "sessions_active", **labels) == 1
    stage.end(session, Who.PROXY, Phase.SETUP)
    samples = await scrape(stage)
    assert one(samples, "sessions_active", **labels) is None
    assert one(samples, "sessions_total", **labels, end="proxy/setup") == 1


async def test_health() -> None:
    stage = AdminStage()
    backend = stage.backend("speech", "asr-1")
    for _ in range(3):
        backend.failed("rtsp", stage.now)
    backend.probed("sip", "no answer", stage.now)
    samples = await scrape(stage)
    assert one(samples, "backend_up", **ASR_1) == 0
    assert one(samples, "backend_up", **(ASR_1 | {"protocol": "mrcpv2"})) == 1
    assert one(samples, "health_failures_total", **ASR_1) == 3
    assert one(samples, "health_failures_total", **(ASR_1 | {"protocol": "mrcpv2"})) == 1
    stage.backend("speech", "asr-2").drain()
    assert one(await scrape(stage), "backend_up", **ASR_2) == 0


async def test_what_the_cores_counted() -> None:
    stage = AdminStage()
    stage.tally.count("rtsp.late-response")
    stage.tally.count('odd "code"\n')
    stage.tally.retried["speech", "asr-1"] = 3
    stage.tally.refused["speech"] = 4
    stage.tally.count("rtsp.no-cseq", "R-09")
    stage.refused = 5
    stage.connections = {"mrcpv1": 7, "unknown": 1}
    stage.tables["clients"].put("192.0.2.1", "echo", stage.now)
    samples = await scrape(stage)
    assert one(samples, "anomalies_total", code="rtsp.late-response", rule="") == 1
    assert one(samples, "anomalies_total", code='odd "code"\n', rule="") == 1
    assert one(samples, "anomalies_total", code="rtsp.no-cseq", rule="R-09") == 1
    assert one(samples, "setup_retries_total", pool="speech", backend="asr-1") == 3
    assert one(samples, "setup_retries_total", pool="speech", backend="asr-2") == 0
    assert one(samples, "sessions_refused_total", pool="speech") == 4
    assert one(samples, "connections_refused_total") == 5
    assert one(samples, "connections_active", protocol="mrcpv1") == 7
    assert one(samples, "connections_active", protocol="unknown") == 1
    assert one(samples, "stick_table_entries", table="clients") == 1


async def test_each_metric_is_described_once() -> None:
    stage = AdminStage()
    stage.end(stage.session(), Who.CLIENT, Phase.TEARDOWN)
    lines = (await stage.get("/metrics")).body.decode().splitlines()
    described = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert len(described) == len(set(described))
    assert {"mrcpbalance_sessions_total", "mrcpbalance_setup_seconds"} <= set(described)
    assert all(name.startswith("mrcpbalance_") for name in described)


async def test_peaks() -> None:
    """For licences: the most at a time, of each backend and of the pool, in all and by resource."""
    stage = AdminStage()
    samples = await scrape(stage)
    assert one(samples, "sessions_peak", pool="speech", backend="", resource="") == 0
    assert one(samples, "sessions_peak_timestamp_seconds", pool="speech", backend="", resource="") is None
    recogs = [stage.session(backend="asr-1"), stage.session(backend="asr-2")]
    stage.now += 10
    stage.session(backend="asr-1", resource="speechsynth")
    for session in recogs:
        stage.end(session, Who.CLIENT, Phase.TEARDOWN)
    stage.now += 10
    stage.session(backend="asr-1")
    samples = await scrape(stage)
    peaks = {
        (backend, resource): one(samples, "sessions_peak", pool="speech", backend=backend, resource=resource)
        for backend in ("", "asr-1", "asr-2")
        for resource in ("", "speechrecog", "speechsynth")
    }
    assert peaks == {
        ("", ""): 3,
        ("", "speechrecog"): 2,
        ("", "speechsynth"): 1,
        ("asr-1", ""): 2,
        ("asr-1", "speechrecog"): 1,
        ("asr-1", "speechsynth"): 1,
        ("asr-2", ""): 1,
        ("asr-2", "speechrecog"): 1,
        ("asr-2", "speechsynth"): None,
    }
    labels = {"pool": "speech", "backend": "asr-1", "resource": ""}
    assert one(samples, "sessions_peak_timestamp_seconds", **labels) == 1_700_001_010.0
    row, *_ = (await stage.get("/api/v1/pools")).json["pools"]
    recog = {"sessions": 2, "at": "2023-11-14T22:30:00.000Z"}
    synth = {"sessions": 1, "at": "2023-11-14T22:30:10.000Z"}
    assert row["peak"] == {
        "sessions": 3,
        "at": "2023-11-14T22:30:10.000Z",
        "resources": {"speechrecog": recog, "speechsynth": synth},
    }
    assert row["backends"][1]["peak"]["sessions"] == 1


async def test_fail_overs() -> None:
    """They count where the session came to live, as soon as it does."""
    stage = AdminStage()
    for attempts, setup in ((1, 0.1), (2, 0.1), (3, None)):
        stage.end(stage.session(backend="asr-1", setup=setup, attempts=attempts), Who.CLIENT, Phase.TEARDOWN)
    stage.session(backend="asr-1", setup=0.1, attempts=3)
    samples = await scrape(stage)
    assert one(samples, "failovers_total", **ASR_1) == 2
    assert one(samples, "setup_seconds_count", **ASR_1) == 3  # while they live


async def test_the_queue() -> None:
    stage = AdminStage(text=TEXT.replace("[pools.speech]", "[pools.speech]\nqueue_size = 7"))
    queue = stage.pools["speech"].queue
    queue.waiting = 2
    queue.waits.placed, queue.waits.timed_out, queue.waits.left, queue.waits.full = 3, 4, 5, 6
    queue.waits.seconds.observe(0.3)
    samples = await scrape(stage)
    assert one(samples, "queue_sessions", pool="speech") == 2
    assert one(samples, "queue_size", pool="speech") == 7
    counts = {"placed": 3, "timed-out": 4, "left": 5, "full": 6}
    assert counts == {
        outcome: one(samples, "queue_total", pool="speech", outcome=outcome) for outcome in counts
    }
    assert one(samples, "queue_seconds_bucket", pool="speech", le="0.25") == 0
    assert one(samples, "queue_seconds_bucket", pool="speech", le="0.5") == 1


async def test_a_family_that_is_written_in_parts_has_one_head_and_all_its_samples() -> None:
    stage = AdminStage()
    for backend in ("asr-1", "asr-2"):
        for protocol in ("mrcpv1", "mrcpv2", "mrcp"):
            for method in sorted(METHODS):
                stage.meters.of("speech", backend, protocol).done(method, 0.3)
    text = (await stage.get("/metrics")).body.decode()
    heads = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert sorted(heads) == sorted(set(heads))
    samples = await scrape(stage)
    counted = [labels for name, labels in samples if name == "mrcpbalance_request_seconds_count"]
    assert len(counted) == 2 * 3 * len(METHODS)
    assert all(samples["mrcpbalance_request_seconds_count", labels] == 1 for labels in counted)

"""Guards against figures that don't agree with what happened, and names that outsiders rely on going missing."""

import re

import pytest

from mrcpbalance.simulator import (
    EchoServer,
    FramedCaller,
    FramedServer,
    Refused,
    RtspCaller,
    SipCaller,
    SipServer,
    SpeechServer,
)
from tests.scenarios.by_hand import calling, refusing_address
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.operating import ADMIN, Operator, sip_address
from tests.scenarios.running import FIRST, MRCP, TCP, V1, Named

pytestmark = pytest.mark.real_time

STARTED = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ")
SESSION = {"id", "protocol", "client", "pool", "backend", "resources", "started", "keys"}
BACKEND = {"name", "state", "sessions", "max_sessions", "weight"}


def labels(backend: str, protocol: str, **more: str) -> str:
    """Write labels as a sample's name has them."""
    given = {"pool": "speech", "backend": backend, "protocol": protocol, **more}
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(given.items())) + "}"


async def test_every_figure_of_known_traffic(process: Process) -> None:
    """Three sessions that end in three ways, one that fails over, one that is refused, one that lives."""
    dead = Named("dead", await refusing_address())
    async with (
        SpeechServer("a") as a,
        process(V1 + FIRST + ADMIN, dead, a) as served,
        RtspCaller(served.address) as caller,
        RtspCaller(served.address) as living,
    ):
        operator = await Operator.of(served)
        figures = await operator.metrics()
        for name in ("dead", "a"):
            assert figures[f"mrcpbalance_backend_up{labels(name, 'mrcpv1')}"] == 1
            assert figures[f"mrcpbalance_sessions_active{labels(name, 'mrcpv1')}"] == 0
        assert figures['mrcpbalance_connections_active{protocol="mrcpv1"}'] == 2

        for _ in range(2):  # each is refused by `dead` first
            assert await (await caller.setup("speechrecog")).teardown() == 200
        await living.setup("speechsynth")
        await operator.order("drain", "a")
        await operator.order("disable", "dead")
        with pytest.raises(Refused, match="503"):
            await caller.setup("speechrecog")
        await operator.order("enable", "a")
        await caller.setup("speechrecog")
        assert (await operator.order("disable", "a"))["sessions"] == 0

        figures = await operator.metrics()
        on_a, on_dead = labels("a", "mrcpv1"), labels("dead", "mrcpv1")
        total = {
            name: value for name, value in figures.items() if name.startswith("mrcpbalance_sessions_total")
        }
        assert total == {
            f"mrcpbalance_sessions_total{labels('a', 'mrcpv1', end='client/teardown')}": 2,
            f"mrcpbalance_sessions_total{labels('a', 'mrcpv1', end='operator/active')}": 2,
            f"mrcpbalance_sessions_total{labels('', 'mrcpv1', end='proxy/setup')}": 1,
        }
        assert figures[f"mrcpbalance_sessions_active{on_a}"] == 0
        assert figures[f"mrcpbalance_setup_seconds_count{on_a}"] == 4
        assert figures[f"mrcpbalance_session_seconds_count{on_a}"] == 4
        assert 0 < figures[f"mrcpbalance_session_seconds_sum{on_a}"] < 30
        assert figures[f"mrcpbalance_health_failures_total{on_dead}"] == 2
        assert [figures[f"mrcpbalance_backend_up{one}"] for one in (on_a, on_dead)] == [0, 0]
        assert figures['mrcpbalance_setup_retries_total{backend="dead",pool="speech"}'] == 2
        assert figures['mrcpbalance_setup_retries_total{backend="a",pool="speech"}'] == 0
        assert figures[f"mrcpbalance_failovers_total{on_a}"] == 2
        assert figures['mrcpbalance_sessions_refused_total{pool="speech"}'] == 1
        # Those of `dead` held a seat for a moment; at most one call is set up while another lives.
        peaks = {"": 2, "a": 2, "dead": 1}
        for name, peak in peaks.items():
            all_of_it = f'{{backend="{name}",pool="speech",resource=""}}'
            assert figures[f"mrcpbalance_sessions_peak{all_of_it}"] == peak
            since = figures["mrcpbalance_start_timestamp_seconds{}"]
            assert since < figures[f"mrcpbalance_sessions_peak_timestamp_seconds{all_of_it}"] < since + 60
        (pool,) = (await operator.get("/api/v1/pools")).json["pools"]
        assert (pool["peak"]["sessions"], pool["peak"]["resources"]["speechsynth"]["sessions"]) == (2, 1)


async def test_sessions_of_every_protocol(process: Process) -> None:
    """Names and keys of the contract, and that any id a caller knows finds its session."""
    async with (
        SipServer("sip") as sip,
        SpeechServer("rtsp") as rtsp,
        FramedServer("mrcp") as mrcp,
        EchoServer("echo") as echo,
    ):
        others = (
            f'rtsp = "{rtsp.address}"\nmrcp = "{mrcp.address}"\ntcp = "{echo.address}"\nmax_sessions = 9\n'
        )
        text = SIP + "".join(one.replace("front", f"l{at}") for at, one in enumerate((V1, MRCP, TCP)))
        stick = 'stick_table = "clients"\n[stick_tables.clients]\nsize = 7\n'
        async with (
            process(text + stick + ADMIN, sip, key="sip", backend=others, listeners=4) as served,
            SipCaller(sip_address(served)) as phone,
            RtspCaller(served.addresses[1]) as v1,
            FramedCaller(served.addresses[2]) as framed,
            calling(served.addresses[3]) as raw,
        ):
            operator = await Operator.of(served)
            await raw.says(b"hello")
            await raw.hears(b"hello")
            call = await phone.invite("speechrecog")
            session = await v1.setup("speechrecog")
            channel = await framed.open("speechsynth")
            rows = {row["protocol"]: row for row in await operator.sessions()}
            assert set(rows) == {"mrcpv1", "mrcpv2", "mrcp", "tcp"}
            for row in rows.values():
                assert set(row) >= SESSION
                assert (row["client"], row["pool"], row["backend"]) == ("127.0.0.1", "speech", "sip")
                assert STARTED.fullmatch(row["started"])
            assert rows["mrcpv1"]["keys"] == [session.id]
            assert set(rows["mrcpv2"]["keys"]) == {call.id, call.channels["speechrecog"].id}
            assert rows["mrcp"]["keys"] == [channel.id]
            assert (rows["mrcpv2"]["resources"], rows["mrcp"]["resources"]) == (
                ["speechrecog"],
                ["speechsynth"],
            )
            for row in rows.values():
                for key in (row["id"], *row["keys"]):
                    done = await operator.run("explain", key, "--json") if key == call.id else None
                    assert done is None or row["id"] in done.out
                    found = (await operator.get(f"/api/v1/sessions/{key}")).json
                    assert (found["id"], found["protocol"]) == (row["id"], row["protocol"])
            (pool,) = (await operator.get("/api/v1/pools")).json["pools"]
            (backend,) = pool["backends"]
            assert (pool["name"], pool["policy"], set(backend) >= BACKEND) == (
                "speech",
                "least-sessions",
                True,
            )
            assert (backend["sessions"], backend["max_sessions"]) == (4, 9)
            figures = await operator.metrics()
            for protocol in rows:
                assert figures[f"mrcpbalance_sessions_active{labels('sip', protocol)}"] == 1
                assert figures[f"mrcpbalance_backend_up{labels('sip', protocol)}"] == 1
            for protocol, count in {"mrcpv1": 1, "mrcp": 1, "tcp": 1, "mrcpv2": 1}.items():
                assert figures[f'mrcpbalance_connections_active{{protocol="{protocol}"}}'] == count, protocol
            assert figures['mrcpbalance_stick_table_entries{table="clients"}'] == 1
            assert figures['mrcpbalance_stick_table_size{table="clients"}'] == 7
            done = await operator.run("status")
            assert done.table[1][:4] == ["speech/sip", "up", "4", "9"]
            done = await operator.run("sessions", "--search", channel.id)
            assert [row[1] for row in done.table[1:]] == ["mrcp"]
            done = await operator.run("explain", "--resource", "speechrecog", "--protocol", "mrcpv2")
            assert done.out.startswith("The next mrcpv2 speechrecog session in speech would go to sip.\n")
            for command, text in {
                ("drain", "speech/sipp"): "no backend 'sipp' in pool 'speech', did you mean 'sip'?",
                ("enable", "speach/sip"): "no pool 'speach', did you mean 'speech'?",
                (
                    "explain",
                    "nothing",
                ): "no live session 'nothing'; those that have ended are in the session log",
            }.items():
                done = await operator.run(*command)
                assert (done.status, done.out, done.err) == (1, "", f"mrcpbalance: {text}\n")
            await raw.finish()


@pytest.mark.parametrize("measured", [True, False])
async def test_requests_and_how_they_complete(process: Process, measured: bool) -> None:
    """In every protocol that carries MRCP: a request each that its response and that an event completes."""
    async with SipServer("a") as sip, SpeechServer("b") as rtsp, FramedServer("c") as mrcp:
        text = SIP + V1.replace("front", "v1") + MRCP.replace("front", "framed")
        switch = f"measure_requests = {str(measured).lower()}\n"
        others = f'rtsp = "{rtsp.address}"\nmrcp = "{mrcp.address}"\n'
        async with (
            process(text + ADMIN + switch, sip, key="sip", backend=others, listeners=3) as served,
            SipCaller(sip_address(served)) as phone,
            RtspCaller(served.addresses[1]) as v1,
            FramedCaller(served.addresses[2]) as framed,
        ):
            operator = await Operator.of(served)
            uris = {"Content-Type": "text/uri-list"}
            call = await phone.invite("speechrecog")
            channel = await framed.open("speechrecog")
            session = await v1.setup("speechrecog")
            for one in (call.channels["speechrecog"], channel):
                assert (await one.request("SET-PARAMS")).state == "COMPLETE"
                assert (
                    await one.request("RECOGNIZE", uris, b"builtin:grammar/digits")
                ).state == "IN-PROGRESS"
                assert [(await one.event()).name for _ in range(2)][1] == "RECOGNITION-COMPLETE"
            assert (await session.request("SET-PARAMS")).state == "COMPLETE"
            assert (
                await session.request("RECOGNIZE", uris, b"builtin:grammar/digits")
            ).state == "IN-PROGRESS"
            assert (await session.events.completion(2)).name == "RECOGNITION-COMPLETE"
            figures = await operator.metrics()
            for protocol in ("mrcpv1", "mrcpv2", "mrcp"):
                for method in ("SET-PARAMS", "RECOGNIZE"):
                    on = labels("a", protocol, method=method)
                    count = figures.get(f"mrcpbalance_request_seconds_count{on}")
                    assert count == (1 if measured else None), (protocol, method)
                cause = f"mrcpbalance_completion_total{labels('a', protocol, cause='success')}"
                assert figures.get(cause) == (1 if measured else None)

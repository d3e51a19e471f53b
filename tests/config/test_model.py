"""What sound configurations say: the contract's example, defaults, every notation and key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import pytest

from mrcpbalance.config import (
    Address,
    AdminConfig,
    BackendConfig,
    Config,
    HealthConfig,
    Limits,
    ListenerConfig,
    LogConfig,
    PoolConfig,
    ProcessConfig,
    StickTableConfig,
    Timeouts,
    TracingConfig,
    parse,
)
from tests.config.documents import BASE, SIP

CONTRACT: Final = Path(__file__).with_name("contract.toml").read_text()
RAW_POOL: Final = (
    '[pools.raw.backends.legacy-1]\ntcp = "192.0.2.31:8001"\n'  # named but not shown by the contract
)


def test_the_contract() -> None:
    """Every value it shows is the default, but for addresses, names, capacity, resources and the tables themselves."""
    config = parse(CONTRACT + RAW_POOL, "contract.toml")
    backend = BackendConfig(
        name="asr-1",
        rtsp=Address("192.0.2.11", 1554),
        sip=Address("192.0.2.11", 5060),
        mrcp=Address("192.0.2.11", 1544),
        tcp=Address("192.0.2.11", 9000),
        max_sessions=96,
        resources=frozenset({"speechrecog"}),
    )
    legacy = BackendConfig(name="legacy-1", tcp=Address("192.0.2.31", 8001))
    v1 = ListenerConfig(name="v1", protocol="rtsp", bind=(Address("127.0.0.1", 1554),), pool="speech")
    v2 = ListenerConfig(
        name="v2",
        protocol="sip",
        bind=(Address("127.0.0.1", 5060),),
        pool="speech",
        control_bind=(Address("127.0.0.1", 1544),),
        advertise="192.0.2.50",
    )
    ports = tuple(Address("127.0.0.1", port) for port in (8001, 8002, 8003))
    raw = ListenerConfig(name="raw", protocol="tcp", bind=ports, pool="raw", stick_table="clients")
    assert config == Config(
        pools={
            "speech": PoolConfig(name="speech", backends={"asr-1": backend}),
            "raw": PoolConfig(name="raw", backends={"legacy-1": legacy}),
        },
        listeners={"v1": v1, "v2": v2, "raw": raw},
        stick_tables={"clients": StickTableConfig(name="clients")},
        admin=AdminConfig(),
    )


def test_defaults() -> None:
    config = parse(BASE, "f")
    assert config == Config(
        pools={
            "p": PoolConfig(
                name="p",
                policy="least-sessions",
                retries=2,
                retry_statuses=(453, 500, 502, 503, 504),
                queue_size=0,
                queue_timeout=2.0,
                health=HealthConfig(probe="auto", interval=5.0, timeout=2.0, fall=2, rise=2),
                backends={
                    "b": BackendConfig(
                        name="b",
                        rtsp=Address("192.0.2.1", 1554),
                        sip=None,
                        mrcp=None,
                        tcp=None,
                        sip_transport="udp",
                        weight=1,
                        max_sessions=None,
                        resources=None,
                        standby=False,
                        request_uri="keep",
                        keepalive="answer",
                        insert_cseq=False,
                        framing="repair",
                    )
                },
                resource_names={},
            )
        },
        listeners={
            "l": ListenerConfig(
                name="l",
                protocol="rtsp",
                bind=(Address("127.0.0.1", 1554),),
                pool="p",
                transports=("udp", "tcp"),
                control="proxied",
                control_bind=None,
                contact_bind=None,
                advertise=None,
                stick_table=None,
                framing="strict",
                interleaved=True,
            )
        },
        stick_tables={},
        timeouts=Timeouts(),
        limits=Limits(),
        admin=None,
        tracing=None,
        log=LogConfig(format="json"),
        process=ProcessConfig(reuse_port=False),
    )


BACKEND = "pools.p.backends.b"
LISTENER = "listeners.l"
GOOD: Final[dict[str, tuple[str, str, object]]] = {
    "byte order mark is the reader's business": (BASE + "# \ufeff", f"{LISTENER}.name", "l"),
    "CRLF": (BASE.replace("\n", "\r\n"), f"{LISTENER}.pool", "p"),
    "policy": (BASE + '[pools.p]\npolicy = "random-two"', "pools.p.policy", "random-two"),
    "no retries": (BASE + "[pools.p]\nretries = 0", "pools.p.retries", 0),
    "statuses": (BASE + "[pools.p]\nretry_statuses = [503, 406]", "pools.p.retry_statuses", (503, 406)),
    "no statuses": (BASE + "[pools.p]\nretry_statuses = []", "pools.p.retry_statuses", ()),
    "queue": (BASE + "[pools.p]\nqueue_size = 1_000", "pools.p.queue_size", 1000),
    "health inline": (BASE + '[pools.p]\nhealth = { probe = "none", fall = 5 }', "pools.p.health.fall", 5),
    "empty health": (BASE + "[pools.p.health]", "pools.p.health", HealthConfig()),
    "resource names": (
        BASE + '[pools.p.resource_names]\nasr = "speechrecog"\n"t.t s" = "speechsynth"',
        "pools.p.resource_names",
        {"asr": "speechrecog", "t.t s": "speechsynth"},
    ),
    "sessions": (BASE.replace("rtsp =", "max_sessions = 96\nrtsp =", 1), f"{BACKEND}.max_sessions", 96),
    "sessions by resource": (
        BASE.replace("rtsp =", "max_sessions = { speechrecog = 96, speechsynth = 200 }\nrtsp =", 1),
        f"{BACKEND}.max_sessions",
        {"speechrecog": 96, "speechsynth": 200},
    ),
    "sessions by a dotted key": (
        BASE.replace("rtsp =", "max_sessions.recorder = 1\nrtsp =", 1),
        f"{BACKEND}.max_sessions",
        {"recorder": 1},
    ),
    "resources": (
        BASE.replace("rtsp =", 'resources = ["speechsynth", "x-vendor"]\nrtsp =', 1),
        f"{BACKEND}.resources",
        frozenset({"speechsynth", "x-vendor"}),
    ),
    "RTSP's name of a resource that the pool gives itself": (
        BASE.replace("rtsp =", 'resources = ["recognizer"]\nrtsp =', 1)
        + '[pools.p.resource_names]\nasr = "recognizer"',
        f"{BACKEND}.resources",
        frozenset({"recognizer"}),
    ),
    "a pool of standby backends only": (
        BASE.replace("rtsp =", "standby = true\nrtsp =", 1),
        f"{BACKEND}.standby",
        True,
    ),
    "heaviest": (BASE.replace("rtsp =", "weight = 256\nrtsp =", 1), f"{BACKEND}.weight", 256),
    "RTSP's keys": (
        BASE.replace(
            "rtsp =", 'request_uri = "rewrite"\nkeepalive = "forward"\ninsert_cseq = true\nrtsp =', 1
        ),
        f"{BACKEND}.keepalive",
        "forward",
    ),
    "sip over TCP": (
        SIP.replace("sip =", 'sip_transport = "tcp"\nsip =', 1),
        f"{BACKEND}.sip_transport",
        "tcp",
    ),
    "transports": (SIP + 'transports = ["tcp"]', f"{LISTENER}.transports", ("tcp",)),
    "control that is direct": (SIP + 'control = "direct"', f"{LISTENER}.control", "direct"),
    "wildcard that is advertised": (
        SIP.replace("127.0.0.1", "0.0.0.0") + 'advertise = "192.0.2.50"',
        f"{LISTENER}.advertise",
        "192.0.2.50",
    ),
    "wildcard whose control is direct": (
        SIP.replace("127.0.0.1", "[::]") + 'control = "direct"',
        f"{LISTENER}.bind",
        (Address("::", 5060),),
    ),
    "auto takes any backend": (SIP.replace('"sip"', '"auto"'), f"{LISTENER}.protocol", "auto"),
    "auto takes what its protocols take": (
        BASE.replace('"rtsp"', '"auto"')
        + 'control_bind = "127.0.0.1:0"\nadvertise = "a.example"\nframing = "repair"\ninterleaved = false\n'
        'stick_table = "t"\n[stick_tables.t]',
        f"{LISTENER}.stick_table",
        "t",
    ),
    "stick table": (
        BASE.replace("rtsp", "tcp") + 'stick_table = "t"\n[stick_tables.t]\nsize = 5\nexpire = "1d"',
        "stick_tables.t",
        StickTableConfig(name="t", size=5, expire=86_400.0),
    ),
    "unused pool and stick table": (
        BASE + '[pools.q.backends.c]\ntcp = "192.0.2.1:1"\n[stick_tables.t]',
        "stick_tables.t.size",
        200_000,
    ),
    "process": (BASE + "[process]\nreuse_port = true", "process", ProcessConfig(reuse_port=True)),
    "ports for two processes": (
        SIP
        + 'control_bind = "127.0.0.1:1544-1545"\ncontact_bind = "127.0.0.1:0"\n[process]\nreuse_port = true',
        f"{LISTENER}.contact_bind",
        (Address("127.0.0.1", 0),),
    ),
    "octets": (BASE + "[limits]\nmessage = 1_048_576", "limits.message", 1024**2),
    "octets with their unit": (BASE + '[limits]\nunsent = "64KiB"', "limits.unsent", 65_536),
    "most octets": (BASE + '[limits]\nmessage = "1GiB"', "limits.message", 1024**3),
    "empty tables of settings": (BASE + "[timeouts]\n[limits]\n[log]\n[admin]", "admin", AdminConfig()),
    "console": (BASE + '[log]\nformat = "console"', "log.format", "console"),
    "traces": (BASE + "[tracing]", "tracing", TracingConfig()),
    "a part of the traces": (BASE + "[tracing]\nsample = 0.25", "tracing.sample", 0.25),
    "traces, all of them": (BASE + "[tracing]\nsample = 1", "tracing.sample", 1.0),
    "a collector": (
        BASE + '[tracing]\nendpoint = "https://[2001:db8::1]:4318/v1/traces"',
        "tracing.endpoint",
        "https://[2001:db8::1]:4318/v1/traces",
    ),
    "token for readers": (
        BASE + '[admin]\ntoken_file = "/etc/token"\nread_token_file = "/etc/read"',
        "admin.read_token_file",
        "/etc/read",
    ),
    "token where all may reach": (
        BASE + '[admin]\nbind = "0.0.0.0:8090"\ntoken_file = "/etc/token"',
        "admin.token_file",
        "/etc/token",
    ),
    "odd names": (
        BASE.replace("backends.b", 'backends."192.0.2.1:1554 (old) \u00fc \\"x\\""'),
        "pools.p.backends",
        {
            '192.0.2.1:1554 (old) \u00fc "x"': BackendConfig(
                name='192.0.2.1:1554 (old) \u00fc "x"', rtsp=Address("192.0.2.1", 1554)
            )
        },
    ),
}


@pytest.mark.parametrize(("text", "path", "value"), GOOD.values(), ids=GOOD)
def test_good(text: str, path: str, value: object) -> None:
    at: object = parse(text, "f")
    for key in path.split("."):
        at = at[key] if isinstance(at, Mapping) else getattr(at, key)
    assert at == value


@pytest.mark.parametrize("cls", [Timeouts, Limits])
def test_every_bound_is_a_key(cls: type[attrs.AttrsInstance]) -> None:
    names = [field.name for field in attrs.fields(cls)]
    value = '"5s"' if cls is Timeouts else "5_000"
    table = f"[{cls.__name__.lower()}]\n" + "".join(f"{name} = {value}\n" for name in names)
    config = parse(BASE + table, "f")
    read = config.timeouts if cls is Timeouts else config.limits
    assert set(attrs.asdict(read).values()) == ({5.0} if cls is Timeouts else {5000})


def test_every_field_but_names_is_a_key() -> None:
    for cls in (
        Config,
        PoolConfig,
        HealthConfig,
        BackendConfig,
        ListenerConfig,
        StickTableConfig,
        AdminConfig,
        LogConfig,
    ):
        fields = attrs.fields(cls)
        assert [field.name for field in fields if not field.metadata] in ([], ["name"])

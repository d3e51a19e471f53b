"""The proxies under test: the configuration each gets, how it starts, which processes to watch."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import attrs

from bench.machine import PROXY_CORE, find
from bench.process import accepts, answers, children, free_ports, running, wait_until

Front = Literal["rtsp", "mrcp", "tcp", "stream", "sip"]
FRONTS: tuple[Front, ...] = ("rtsp", "mrcp", "tcp", "stream")  # those that a blind relay can serve too
STREAM_BUFFER = 131_072
SHARED_MEMORY = "512"  # megabytes; ended transactions stay in it for a while
# Limits that guard against floods would be the first thing a benchmark meets: every caller is the same host.
ROOMY = ("connections", "connections_per_source", "calls_per_second", "transactions")
POOLS: Mapping[str, tuple[Front, ...]] = {"speech": ("rtsp", "mrcp", "tcp", "sip"), "stream": ("tcp",)}
NGINX_STREAM_MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules")


@attrs.frozen
class Backends:
    """The ports of backend a and backend b: for exchanges, for streams, and for SIP over UDP."""

    exchange: tuple[int, int]
    stream: tuple[int, int]
    sip: tuple[int, int]

    def of(self, front: Front) -> tuple[int, int]:
        """Return the two ports that stand behind a front."""
        return {"stream": self.stream, "sip": self.sip}.get(front, self.exchange)


@attrs.frozen
class Proxy:
    """A running proxy: the port of each front, and the processes that do its work."""

    ports: Mapping[Front, int]
    pids: tuple[int, ...]
    admin: int | None = None  # the port of its admin interface


class Kind(Protocol):
    """A proxy that can be started."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    @property
    def fronts(self) -> Collection[Front]:
        """The fronts it has."""

    def missing(self) -> str | None:
        """Say why it can't be measured here, if it can't."""

    def run(self, backends: Backends, home: Path, *, tuned: bool) -> contextlib.AbstractContextManager[Proxy]:
        """Run it on the proxy's core; `tuned` for one long stream where it has such a setting."""


@attrs.frozen
class Direct:
    """No proxy at all: what generator and backend can do by themselves."""

    name: str = "direct"
    fronts: tuple[Front, ...] = (*FRONTS, "sip")

    def missing(self) -> str | None:
        return None

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:  # noqa: ARG002 - the contract
        yield Proxy(ports={front: backends.of(front)[0] for front in self.fronts}, pids=())


@attrs.frozen
class Haproxy:
    """haproxy, mode tcp, one thread."""

    name: str = "haproxy"
    fronts: tuple[Front, ...] = FRONTS

    def missing(self) -> str | None:
        return None if find("haproxy") else "haproxy is not installed"

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:
        ports = dict(zip(FRONTS, free_ports(len(FRONTS)), strict=True))
        config = home / "haproxy.cfg"
        config.write_text(haproxy_config(ports, backends, tuned=tuned))
        with running(
            [find("haproxy") or "haproxy", "-db", "-f", str(config)], home, core=PROXY_CORE
        ) as process:
            wait_until(lambda: accepts(ports["stream"]), process, home)
            yield Proxy(ports=ports, pids=(process.pid,))


def haproxy_config(ports: Mapping[Front, int], backends: Backends, *, tuned: bool) -> str:
    """Write haproxy's configuration: the same blind relay on every front."""
    lines = ["global", "    nbthread 1"]
    if tuned:
        lines.append(f"    tune.bufsize {STREAM_BUFFER}")
    lines += [
        "defaults",
        "    mode tcp",
        "    timeout connect 5s",
        "    timeout client 1h",
        "    timeout server 1h",
    ]
    for front, port in ports.items():
        lines += [f"listen {front}", f"    bind 127.0.0.1:{port} backlog 4096", "    balance roundrobin"]
        lines += [
            f"    server {name} 127.0.0.1:{at}" for name, at in zip("ab", backends.of(front), strict=True)
        ]
    return "\n".join(lines) + "\n"


@attrs.frozen
class Nginx:
    """nginx, stream, one worker."""

    name: str = "nginx"
    fronts: tuple[Front, ...] = FRONTS

    def missing(self) -> str | None:
        path = find("nginx")
        if path is None:
            return "nginx is not installed"
        build = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stderr
        if "--with-stream=dynamic" in build and stream_module() is None:
            return "nginx has no stream module (Debian: libnginx-mod-stream)"
        return None

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:
        ports = dict(zip(FRONTS, free_ports(len(FRONTS)), strict=True))
        config = home / "nginx.conf"
        config.write_text(nginx_config(ports, backends, home, tuned=tuned))
        command = [find("nginx") or "nginx", "-p", str(home), "-e", str(home / "stderr"), "-c", str(config)]
        with running(command, home, core=PROXY_CORE) as process:
            wait_until(lambda: accepts(ports["stream"]), process, home)
            yield Proxy(ports=ports, pids=children(process.pid))


def stream_module() -> Path | None:
    """Find nginx's stream module where it is a file of its own."""
    places = (Path(place) / "ngx_stream_module.so" for place in NGINX_STREAM_MODULES)
    return next((place for place in places if place.exists()), None)


def nginx_config(ports: Mapping[Front, int], backends: Backends, home: Path, *, tuned: bool) -> str:
    """Write nginx's configuration: the same blind relay on every front."""
    module = stream_module()
    lines = [f"load_module {module};"] if module else []
    lines += [
        "daemon off;",
        "worker_processes 1;",
        f"pid {home}/nginx.pid;",
        "events { worker_connections 16000; }",
        "stream {",
    ]
    if tuned:
        lines.append(f"proxy_buffer_size {STREAM_BUFFER};")
    for front, port in ports.items():
        a, b = backends.of(front)
        lines += [
            f"upstream {front} {{ server 127.0.0.1:{a}; server 127.0.0.1:{b}; }}",
            f"server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass {front}; proxy_timeout 1h; }}",
        ]
    return "\n".join([*lines, "}"]) + "\n"


@attrs.frozen
class Kamailio:
    """Kamailio, dispatcher, one UDP worker: it relays a call's SIP, and leaves the control connection to the peers."""

    name: str = "kamailio"
    fronts: tuple[Front, ...] = ("sip",)

    def missing(self) -> str | None:
        return None if find("kamailio") else "kamailio is not installed"

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:  # noqa: ARG002 - the contract
        (port,) = free_ports(1)
        config = home / "kamailio.cfg"
        config.write_text(kamailio_config(port, home / "dispatcher.list"))
        (home / "dispatcher.list").write_text("".join(f"1 sip:127.0.0.1:{at}\n" for at in backends.of("sip")))
        command = [find("kamailio") or "kamailio", "-DD", "-E", "-m", SHARED_MEMORY, "-f", str(config)]
        command += ["-Y", str(home)]
        with running(command, home, core=PROXY_CORE) as process:
            wait_until(lambda: answers(port), process, home)
            yield Proxy(ports={"sip": port}, pids=(process.pid, *children(process.pid)))


def kamailio_config(port: int, backends: Path) -> str:
    """Write Kamailio's configuration: backends in turn, and the requests of a call after its first."""
    modules = ("tm", "sl", "rr", "pv", "siputils", "dispatcher")
    lines = ["#!KAMAILIO", "debug=-1", "log_stderror=yes", "children=1", "disable_tcp=yes", "auto_aliases=no"]
    lines += [f"listen=udp:127.0.0.1:{port}", *(f'loadmodule "{name}.so"' for name in modules)]
    lines += [
        f'modparam("dispatcher", "list_file", "{backends}")',
        "request_route {",
        '    if (method == "OPTIONS") { sl_send_reply("200", "OK"); exit; }',
        "    if (has_totag()) { loose_route(); t_relay(); exit; }",
        "    record_route();",
        '    if (!ds_select_dst("1", "4")) { sl_send_reply("503", "No Backend"); exit; }',
        "    t_relay();",
        "}",
    ]
    return "\n".join(lines) + "\n"


@attrs.frozen
class Mrcpbalance:
    """mrcpbalance as an interpreter has it installed, or from a checkout."""

    name: str = "mrcpbalance"
    python: str = sys.executable
    checkout: Path | None = None
    fronts: tuple[Front, ...] = (*FRONTS, "sip")
    admin: bool = False  # with an admin interface, as those who watch it need

    def missing(self) -> str | None:
        try:
            done = self._ask("from mrcpbalance.cli import main; main(['serve', '--help'])")
        except OSError as error:
            return str(error)
        return None if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]

    def describe(self) -> str:
        """Say which code and which libraries were measured."""
        done = self._ask(
            "import sys, trio, mrcpbalance; from importlib.metadata import version as v; print('Python', "
            "sys.version.split()[0], 'trio', trio.__version__, 'mrcpbalance', v('mrcpbalance'), mrcpbalance.__path__[0])"
        )
        return done.stdout.strip() or done.stderr.strip().rpartition("\n")[2]

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:  # noqa: ARG002 - the contract
        ports = dict(zip(self.fronts, free_ports(len(self.fronts)), strict=True))
        config = home / "bench.toml"
        admin = free_ports(1)[0] if self.admin else None
        interface = "" if admin is None else f'[admin]\nbind = "127.0.0.1:{admin}"\n'
        config.write_text(mrcpbalance_config(ports, backends) + interface)
        command = self._command("from mrcpbalance.cli import main; main()", "serve", "--config", str(config))
        with running(command, home, core=PROXY_CORE, env=self._environment()) as process:
            wait_until(lambda: (home / "stdout").read_bytes().count(b"\n") >= len(ports), process, home)
            yield Proxy(ports=ports, pids=(process.pid, *children(process.pid)), admin=admin)

    def _command(self, code: str, *args: str) -> Sequence[str]:
        return [self.python, "-P", "-c", code, *args]

    def _environment(self) -> Mapping[str, str]:
        if self.checkout is None:
            return {}
        return {"PYTHONPATH": os.pathsep.join(map(str, (self.checkout, self.checkout / "protocol")))}

    def _ask(self, code: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self._environment()}
        return subprocess.run(
            self._command(code), capture_output=True, text=True, check=False, env=environment
        )


def mrcpbalance_config(ports: Mapping[Front, int], backends: Backends) -> str:
    """Write mrcpbalance's configuration: one listener a protocol; nothing probes while we measure."""
    tables = ["[limits]", *(f"{name} = 1_000_000" for name in ROOMY)]
    for pool, fronts in POOLS.items():
        tables += [f"[pools.{pool}.health]", 'probe = "none"']
        for number, name in enumerate("ab"):
            tables.append(f"[pools.{pool}.backends.{name}]")
            for front in fronts:
                port = backends.of("stream" if pool == "stream" else front)[number]
                tables.append(f'{front} = "127.0.0.1:{port}"')
    for front, port in ports.items():
        protocol, pool = ("tcp", "stream") if front == "stream" else (front, "speech")
        tables += [
            f"[listeners.{front}]",
            f'protocol = "{protocol}"',
            f'bind = "127.0.0.1:{port}"',
            f'pool = "{pool}"',
            *(['transports = ["udp"]'] if front == "sip" else []),
        ]
    return "\n".join(tables) + "\n"

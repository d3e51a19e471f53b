"""The proxies under test: the configuration each gets, how it starts, which processes to watch."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import attrs

from bench.machine import PROXY_CORE, find
from bench.process import accepts, children, free_ports, running, wait_until

Front = Literal["rtsp", "mrcp", "tcp", "stream"]
FRONTS: tuple[Front, ...] = ("rtsp", "mrcp", "tcp", "stream")
STREAM_BUFFER = 131_072
NGINX_STREAM_MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules")


@attrs.frozen
class Backends:
    """The ports of backend a and backend b: for exchanges, and for streams."""

    exchange: tuple[int, int]
    stream: tuple[int, int]

    def of(self, front: Front) -> tuple[int, int]:
        """Return the two ports that stand behind a front."""
        return self.stream if front == "stream" else self.exchange


@attrs.frozen
class Proxy:
    """A running proxy: the port of each front, and the processes that do its work."""

    ports: Mapping[Front, int]
    pids: tuple[int, ...]


class Kind(Protocol):
    """A proxy that can be started."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    def missing(self) -> str | None:
        """Say why it can't be measured here, if it can't."""

    def run(self, backends: Backends, home: Path, *, tuned: bool) -> contextlib.AbstractContextManager[Proxy]:
        """Run it on the proxy's core; `tuned` for one long stream where it has such a setting."""


@attrs.frozen
class Direct:
    """No proxy at all: what generator and backend can do by themselves."""

    name: str = "direct"

    def missing(self) -> str | None:
        return None

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:  # noqa: ARG002 - the contract
        yield Proxy(ports={front: backends.of(front)[0] for front in FRONTS}, pids=())


@attrs.frozen
class Haproxy:
    """haproxy, mode tcp, one thread."""

    name: str = "haproxy"

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
class Mrcpbalance:
    """mrcpbalance as an interpreter has it installed, or from a checkout."""

    name: str = "mrcpbalance"
    python: str = sys.executable
    checkout: Path | None = None

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
        ports = dict(zip(FRONTS, free_ports(len(FRONTS)), strict=True))
        config = home / "bench.toml"
        config.write_text(mrcpbalance_config(ports, backends))
        command = self._command("from mrcpbalance.cli import main; main()", "serve", "--config", str(config))
        with running(command, home, core=PROXY_CORE, env=self._environment()) as process:
            wait_until(lambda: (home / "stdout").read_bytes().count(b"\n") >= len(FRONTS), process, home)
            yield Proxy(ports=ports, pids=(process.pid, *children(process.pid)))

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
    tables = []
    for pool, fronts in {"speech": ("rtsp", "mrcp", "tcp"), "stream": ("tcp",)}.items():
        tables += [f"[pools.{pool}.health]", 'probe = "none"']
        at = backends.stream if pool == "stream" else backends.exchange
        for name, port in zip("ab", at, strict=True):
            tables += [
                f"[pools.{pool}.backends.{name}]",
                *(f'{front} = "127.0.0.1:{port}"' for front in fronts),
            ]
    for front, port in ports.items():
        protocol, pool = ("tcp", "stream") if front == "stream" else (front, "speech")
        tables += [
            f"[listeners.{front}]",
            f'protocol = "{protocol}"',
            f'bind = "127.0.0.1:{port}"',
            f'pool = "{pool}"',
        ]
    return "\n".join(tables) + "\n"

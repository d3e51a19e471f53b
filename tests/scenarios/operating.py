"""An operator of a running process: asks its admin interface by HTTP, and by the commands."""

import http.client
import json
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final

import attrs
import trio
from prometheus_client.parser import text_string_to_metric_families

from mrcpbalance.config import Address
from tests.scenarios.children import ROOT
from tests.scenarios.serving import Serving

ADMIN: Final = '[admin]\nbind = "127.0.0.1:0"\n'
MRCPBALANCE: Final = [sys.executable, "-c", "from mrcpbalance.cli import main; main()"]
PATIENCE: Final = 10.0


@attrs.frozen
class Told:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.frozen
class Done:
    """A command that came to its end."""

    status: int
    out: str
    err: str

    @property
    def table(self) -> list[list[str]]:
        """The rows of its first table; cells are two blanks apart."""
        rows = self.out.split("\n\n")[0].splitlines()
        return [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]


def sip_address(served: Serving, listener: str = "") -> Address:
    """Where a listener, the first one by default, takes SIP, as its readiness line tells."""
    line = next(line for line in served.ready if line.startswith(listener))
    host, _, port = line.partition(" on ")[2].partition(" ")[0].rpartition(":")
    return Address(host, int(port))


class Operator:
    """Knows where to ask."""

    def __init__(self, where: str) -> None:
        self.where = where  # as --admin takes it

    @classmethod
    async def of(cls, served: Serving) -> "Operator":
        """Find out from the log where a process listens."""
        return cls(str((await served.until("admin-listening"))["address"]))

    async def get(self, path: str, **headers: str) -> Told:
        return await self.ask("GET", path, headers)

    async def post(self, path: str, **headers: str) -> Told:
        return await self.ask("POST", path, headers)

    async def ask(self, method: str, path: str, headers: Mapping[str, str]) -> Told:
        return await trio.to_thread.run_sync(self._ask, method, path, headers)

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Told:
        local = self.where.startswith("unix:")
        connection = http.client.HTTPConnection("localhost" if local else self.where, timeout=PATIENCE)
        if local:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect(self.where.removeprefix("unix:"))
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Told(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    async def order(self, what: str, backend: str) -> Any:
        """Give an order about a backend of the pool `speech`; its new row."""
        told = await self.post(f"/api/v1/pools/speech/backends/{backend}/{what}")
        assert told.status == 200, told
        return told.json

    async def sessions(self) -> list[Any]:
        """List the live sessions."""
        rows = (await self.get("/api/v1/sessions")).json["sessions"]
        assert isinstance(rows, list)
        return rows

    async def metrics(self) -> dict[str, float]:
        """Scrape; a sample's name is as in the text: name{label="value",…}, labels in alphabetical order."""
        text = (await self.get("/metrics")).body.decode()
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}"] = sample.value
        return found

    async def run(self, *command: str, env: Mapping[str, str] | None = None) -> Done:
        """Run a command against it."""
        return await run(*command, "--admin", self.where, env=env)


async def run(*command: str, env: Mapping[str, str] | None = None) -> Done:
    """Run a command of mrcpbalance."""
    done = await trio.run_process(
        [*MRCPBALANCE, *command],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        cwd=ROOT,
        env=None if env is None else {"PATH": "/usr/bin", **env},
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

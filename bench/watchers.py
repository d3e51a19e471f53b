"""Those who watch a proxy: a page that is open, and Prometheus; each asks as the real one does, and reads to the end."""

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from typing import Final

import attrs

PATIENCE: Final = 30.0
# What an open page asks for besides its event stream, and what Prometheus does; seconds between two.
ASKED: Final = {"/api/v1/sessions?limit=200&search=": 1.0, "/api/v1/history": 2.5, "/metrics": 5.0}
EVENTS: Final = "/api/v1/events"


@attrs.define(eq=False)
class Watchers:
    """What was asked so far, and how long it took."""

    port: int
    asked: dict[str, int] = attrs.field(factory=dict)
    longest: dict[str, float] = attrs.field(factory=dict)  # seconds
    events: int = 0
    faults: list[str] = attrs.field(factory=list)
    _over: threading.Event = attrs.field(factory=threading.Event)

    def _ask(self, path: str, period: float) -> None:
        while not self._over.wait(period):
            began = time.monotonic()
            with self._answer(path) as answer:
                answer.read()
            self.asked[path] = self.asked.get(path, 0) + 1
            self.longest[path] = max(self.longest.get(path, 0.0), time.monotonic() - began)

    def _follow(self) -> None:
        with self._answer(EVENTS) as answer:
            while not self._over.is_set():
                self.events += answer.readline().startswith(b"event: ")

    @contextlib.contextmanager
    def _answer(self, path: str) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise OSError(f"{path}: {answer.status}")
            yield answer

    def _run(self, path: str) -> None:
        try:
            if path == EVENTS:
                self._follow()
            else:
                self._ask(path, ASKED[path])
        except OSError as error:
            self.faults.append(f"{path}: {error}")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch meanwhile."""
        self._over.clear()
        threads = [threading.Thread(target=self._run, args=(path,), daemon=True) for path in (*ASKED, EVENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(PATIENCE)

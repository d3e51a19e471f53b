"""What every scenario can have: a proxy in the test's own process, or one as a process of its own."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.scenarios.running import Backend, Running, running, with_backends
from tests.scenarios.serving import Serving, serving

Proxy = Callable[..., AbstractAsyncContextManager[Running]]
Process = Callable[..., AbstractAsyncContextManager[Serving]]


@pytest.fixture
def proxy() -> Proxy:
    return running


@pytest.fixture
def process(tmp_path: Path) -> Process:
    def start(
        text: str,
        *servers: Backend,
        backend: str = "",
        key: str | None = None,
        listeners: int = 1,
        stalled: bool = False,
        descriptors: int | None = None,
        faults: tuple[str, ...] = (),
    ) -> AbstractAsyncContextManager[Serving]:
        file = tmp_path / "scenario.toml"
        file.write_text(with_backends(text, *servers, backend=backend, key=key))
        return serving(
            "--config",
            str(file),
            listeners=listeners,
            stalled=stalled,
            descriptors=descriptors,
            faults=faults,
        )

    return start

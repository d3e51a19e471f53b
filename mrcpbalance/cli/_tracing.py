"""What ties tracing to the proxy that runs in this process."""

import random
import time
from importlib.metadata import version
from typing import Final

import trio

from mrcpbalance.config import TracingConfig
from mrcpbalance.proxy import Proxy
from mrcpbalance.tracing import Tracer
from mrcpbalance.tracing.exporter import Exporter

LAST: Final = 2.0  # seconds in which the collector may take what is left at the end


async def run_tracing(
    config: TracingConfig, proxy: Proxy, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Trace the sessions of a proxy until cancelled."""
    exporter = Exporter(config, proxy.journal, version("mrcpbalance"))
    chance = random.Random().random  # noqa: S311 - which sessions are traced is no secret
    tracer = Tracer(exporter.told, config.sample, config.requests, time.time, chance)
    proxy.register.choosers += (tracer.choose,)
    task_status.started()
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(exporter.stop, LAST)

"""Who observes the sessions of the proxy that runs in this process: transcripts for the log."""

import trio

from mrcpbalance.config import Config
from mrcpbalance.observe import writer
from mrcpbalance.proxy import Proxy
from mrcpbalance.traces.writing import masked


async def listen_in(
    config: Config, proxy: Proxy, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Have the sessions observed that begin from now on, as the configuration wants it."""
    if config.log.transcript != "none":
        proxy.register.choosers += (writer(config.log, masked),)
    task_status.started()
    await trio.lowlevel.checkpoint()

"""Who observes the sessions of the proxy that runs in this process: transcripts for the log, recordings that are kept."""

import time
from pathlib import Path
from random import SystemRandom

import trio

from mrcpbalance.config import Config
from mrcpbalance.observe import transcript_of, writer
from mrcpbalance.proxy import Proxy
from mrcpbalance.recording import Budget, Keeper, recording_of
from mrcpbalance.sessions import Session
from mrcpbalance.traces.writing import masked


async def listen_in(
    config: Config, proxy: Proxy, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Have the sessions observed that begin from now on, as the configuration wants it."""
    if config.log.transcript != "none":
        proxy.register.choosers += (writer(config.log, masked),)
    if config.record.directory is None:
        task_status.started()
        return
    fresh, clock = proxy.switchboard.fresh, proxy.switchboard.clock
    keeper = Keeper(
        config.record,
        Path(config.record.directory),
        proxy.journal,
        Budget(config.record.memory),
        SystemRandom().random,
        fresh,
        lambda at: at + time.time() - clock(),
    )
    await keeper.run(proxy.register, task_status=task_status)


def noted(session: Session) -> dict[str, object]:
    """Give what observers add to the line of a session that ended."""
    file = recording_of(session)
    return transcript_of(session) | ({} if file is None else {"recording": file})

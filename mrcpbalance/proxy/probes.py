"""Active health: a task for each backend and protocol, which asks what sessions ask, time and again.

A host name's addresses are all asked; one that is well is enough for its backend, and the others are avoided.
An `mrcp` address is only probed by whole sessions: servers refuse bare connections there (F-25). Backends begin as up,
so that nobody is refused before the first probe was answered.
"""

import functools
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address, HealthConfig
from mrcpbalance.pool import Backend, Pool, Protocol, State
from mrcpbalance.sessions.ports import Journal
from mrcpwire import WireError

from . import probes_mrcp, probes_rtsp, probes_sip
from ._link_dial import Target, is_number, target_of
from .names import Names
from .probes_exchange import ProbeFailedError, connection

JITTER: Final = 0.1  # the part of an interval that is left to chance
_SEGMENTS: Final = {"speechrecog": "speechrecognizer", "speechsynth": "speechsynthesizer"}

Probe = Callable[[Target], Awaitable[None]]  # raises when something is wrong


@attrs.define(eq=False)
class Probes:
    """The probes of all pools; `random` gives 0 <= x < 1, `now` the time as the pools know it."""

    journal: Journal
    names: Names
    now: Callable[[], float]
    random: Callable[[], float]
    _nursery: trio.Nursery | None = None
    _tasks: dict[tuple[Backend, Protocol], trio.CancelScope] = attrs.field(factory=dict)

    async def run(
        self, pools: Collection[Pool], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Probe until cancelled."""
        async with trio.open_nursery() as self._nursery:
            self.attend(pools)
            task_status.started()
            await trio.sleep_forever()

    def attend(self, pools: Collection[Pool]) -> None:
        """Probe the backends of these pools from now on, as they are configured now, and no others."""
        assert self._nursery is not None, "it runs"
        for scope in self._tasks.values():
            scope.cancel()
        self._tasks.clear()
        for pool in pools:
            for backend in pool.backends.values():
                for protocol in backend.protocols:
                    probe = probe_of(backend, protocol, pool)
                    if probe is not None:
                        scope = self._tasks[backend, protocol] = trio.CancelScope()
                        self._nursery.start_soon(
                            self._watch, scope, backend, protocol, pool.config.health, probe
                        )

    async def _watch(
        self,
        scope: trio.CancelScope,
        backend: Backend,
        protocol: Protocol,
        config: HealthConfig,
        probe: Probe,
    ) -> None:
        with scope:
            await trio.sleep(self.random() * JITTER * config.interval)  # not all at once at the start
            while True:
                began = trio.current_time()
                backend.probed(protocol, await self._ask_all(backend, protocol, config, probe), self.now())
                up = backend.health(protocol, self.now()) is State.UP
                interval = config.interval if up else min(config.interval, config.interval_down)
                spread = 1 + JITTER * (self.random() - 0.5)
                await trio.sleep_until(max(began + interval * spread, trio.current_time()))

    async def _ask_all(
        self, backend: Backend, protocol: Protocol, config: HealthConfig, probe: Probe
    ) -> str | None:
        """Ask at every address at once; tell what is wrong if none is well."""
        address = _own_address(backend, protocol)
        assert address is not None, "it is probed where it has one"
        if is_number(address.host):
            return await self._ask(backend, config, probe, address)
        found: dict[Address, str | None] = dict.fromkeys(self.names.all(address))

        async def ask(place: Address) -> None:
            found[place] = await self._ask(backend, config, probe, place)

        async with trio.open_nursery() as nursery:
            for place in found:
                nursery.start_soon(ask, place)
        return self._judge(address, found)

    def _judge(self, address: Address, found: Mapping[Address, str | None]) -> str | None:
        if not found:
            return f"no address known for {address.host}"
        for place, wrong in found.items():
            if wrong is None:
                self.names.answered(place)
            elif len(found) > 1:
                self.names.missed(place, wrong)
        if None in found.values():
            return None
        return "; ".join(f"{place.host}: {wrong}" for place, wrong in found.items())

    async def _ask(self, backend: Backend, config: HealthConfig, probe: Probe, place: Address) -> str | None:
        """Ask once; tell what is wrong, if something is."""
        try:
            with trio.fail_after(config.timeout):
                await probe(target_of(place))
        except trio.TooSlowError:
            return "no answer in time"
        except ProbeFailedError as failure:
            return str(failure)
        except WireError as fault:
            return f"what it answered can't be read: {fault}"
        except (OSError, trio.BrokenResourceError) as error:
            return _reason(error)
        except Exception as fault:  # noqa: BLE001 - a fault of our own says nothing about the backend
            self.journal.note("fault", level="error", where=f"probe of {backend.name}", exc_info=fault)
        return None


def probe_of(backend: Backend, protocol: Protocol, pool: Pool) -> Probe | None:
    """Choose what is asked at a target; None where nothing may be."""
    config = pool.config.health
    address = _own_address(backend, protocol)
    if address is None or config.probe == "none":
        return None
    whole = config.probe == "session"
    transport, resource = backend.config.sip_transport, _resource(backend)
    match protocol:
        case "rtsp":
            ask = probes_rtsp.session if whole else probes_rtsp.describe
            return functools.partial(ask, address=address, path=_path(backend, pool))
        case "sip" if whole:
            return functools.partial(
                probes_sip.session, address=address, transport=transport, resource=resource
            )
        case "sip":
            return functools.partial(probes_sip.options, address=address, transport=transport)
        case "mrcp":
            return functools.partial(probes_mrcp.session, resource=resource) if whole else None
        case "tcp":
            return _connect


async def _connect(target: Target) -> None:
    async with connection(target):
        pass


def _own_address(backend: Backend, protocol: Protocol) -> Address | None:
    """Give the address to probe; what isn't recognised may go to an `rtsp` address, which is probed already."""
    return backend.config.tcp if protocol == "tcp" else backend.address(protocol)


def _resource(backend: Backend) -> str:
    return "speechrecog" if backend.serves("speechrecog") else min(backend.config.resources or ())


def _path(backend: Backend, pool: Pool) -> str:
    """Ask for what is configured, or for what the backend serves where it doesn't serve that."""
    folder, _, segment = pool.config.health.path.rpartition("/")
    if backend.serves(pool.resource_name(segment)):
        return pool.config.health.path
    resource = _resource(backend)
    return f"{folder}/{_SEGMENTS.get(resource, resource)}"


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
    return (isinstance(cause, OSError) and cause.strerror) or str(error) or "connection lost"

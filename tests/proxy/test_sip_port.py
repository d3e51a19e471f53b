"""A SIP listener on any port: the one it gets is free for connections and for datagrams."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from mrcpbalance.config import Address, Config, ListenerConfig, PoolConfig
from mrcpbalance.proxy import sockets
from mrcpbalance.proxy.sockets import Bound, CannotListenError


@contextlib.contextmanager
def taken() -> Iterator[int]:
    """Take a port for datagrams that is free for connections."""
    while True:
        with socket.socket() as free, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
            free.bind(("127.0.0.1", 0))
            try:
                busy.bind(free.getsockname())
            except OSError:
                continue
            free.close()
            yield busy.getsockname()[1]
            return


def opened(port: int) -> list[Bound]:
    listener = ListenerConfig(name="v2", protocol="sip", bind=(Address("127.0.0.1", port),), pool="speech")
    return sockets.open_all(Config(pools={"speech": PoolConfig(name="speech")}, listeners={"v2": listener}))


def test_a_port_that_is_free_for_connections_only(monkeypatch: pytest.MonkeyPatch) -> None:
    listening_socket = sockets.listening_socket
    with taken() as port:
        offered = iter([port])
        monkeypatch.setattr(
            sockets,
            "listening_socket",
            lambda address, *, shared: listening_socket(
                Address(address.host, address.port or next(offered, 0)), shared=shared
            ),
        )
        found = opened(0)
        ports = [bound.address.port for bound in found]
        for bound in found:
            bound.sock.close()
    assert port != ports[0] == ports[1] != ports[2]
    assert len(ports) == 3


def test_a_port_that_was_named_is_not_exchanged() -> None:
    with taken() as port, pytest.raises(CannotListenError, match=str(port)):
        opened(port)

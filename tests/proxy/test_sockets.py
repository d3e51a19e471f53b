"""Listening sockets: all or none, what each is for, and why one can't be had."""

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterator

import pytest

from mrcpbalance.config import Address, Config, parse
from mrcpbalance.proxy import CannotListenError
from mrcpbalance.proxy.sockets import Bound, Use, open_all

OWN = f"127.80.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
POOL = """
[pools.p.backends.b]
rtsp = "192.0.2.1:1554"
sip = "192.0.2.1:5060"
mrcp = "192.0.2.1:1544"
tcp = "192.0.2.1:9000"
"""


def config(*listeners: str) -> Config:
    tables = [f'[listeners.l{number}]\npool = "p"\n{text}' for number, text in enumerate(listeners)]
    return parse("\n".join([POOL, *tables]), "sockets.toml")


@contextlib.contextmanager
def opened(*listeners: str) -> Iterator[list[Bound]]:
    bound = open_all(config(*listeners))
    try:
        yield bound
    finally:
        for one in bound:
            one.sock.close()


def uses(bound: list[Bound]) -> list[str]:
    return [f"{one.listener.name} {one.use.value}" for one in bound]


def test_a_free_port_is_told() -> None:
    with opened('protocol = "rtsp"\nbind = "127.0.0.1:0"') as bound:
        (one,) = bound
        assert one.address == Address(*one.sock.getsockname())
        assert one.address.port > 0
        assert not one.sock.getblocking()
        with socket.create_connection(one.sock.getsockname()):
            pass


def test_a_range_opens_a_socket_for_each_port() -> None:
    with opened(f'protocol = "tcp"\nbind = "{OWN}:8001-8003"') as bound:
        assert [one.address for one in bound] == [Address(OWN, port) for port in (8001, 8002, 8003)]


def test_a_wildcard_of_each_family_at_the_same_port() -> None:
    with opened('protocol = "tcp"\nbind = "0.0.0.0:0"') as bound:
        port = bound[0].address.port
        with opened(f'protocol = "tcp"\nbind = "[::]:{port}"') as six:
            assert six[0].address == Address("::", port)


SIP = 'protocol = "sip"\nbind = "127.0.0.1:0"\n'


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        (SIP, ["l0 callers", "l0 datagrams", "l0 control"]),
        (SIP + 'control = "direct"', ["l0 callers", "l0 datagrams"]),
        (SIP + 'transports = ["udp"]', ["l0 datagrams", "l0 control"]),
        (SIP + 'transports = ["tcp"]', ["l0 callers", "l0 control"]),
        ('protocol = "auto"\nbind = "127.0.0.1:0"', ["l0 callers", "l0 control"]),
        ('protocol = "mrcp"\nbind = "127.0.0.1:0"', ["l0 callers"]),
    ],
)
def test_what_sockets_are_for(listener: str, expected: list[str]) -> None:
    with opened(listener) as bound:
        assert uses(bound) == expected
        callers = {one.address for one in bound if one.use is not Use.CONTROL}
        assert len(callers) == 1  # every transport of SIP at one port


def test_control_connections_where_they_are_wanted() -> None:
    with opened(SIP + f'control_bind = "{OWN}:1544"') as bound:
        assert bound[-1].address == Address(OWN, 1544)


@pytest.mark.parametrize("key", ["bind", "control_bind"])
def test_all_or_none(key: str) -> None:
    with socket.create_server((OWN, 0)) as taken:
        port = taken.getsockname()[1]
        bind = (
            f'bind = "{OWN}:{port}"' if key == "bind" else f'bind = "{OWN}:0"\ncontrol_bind = "{OWN}:{port}"'
        )
        protocol = "tcp" if key == "bind" else "sip"
        listeners = [f'protocol = "tcp"\nbind = "{OWN}:8101-8102"', f'protocol = "{protocol}"\n{bind}']
        with pytest.raises(CannotListenError) as refused:
            open_all(config(*listeners))
    told = f"listeners.l1.{key}: can't listen on {OWN}:{port}: Address already in use (another process listens there"
    assert str(refused.value).startswith(told)
    with opened(*listeners) as bound:  # the ones before it were closed
        assert len(bound) >= 3


def test_a_range_of_which_one_port_is_taken() -> None:
    with (
        socket.create_server((OWN, 8202)),
        pytest.raises(CannotListenError, match=re.escape(f"{OWN}:8202")),
    ):
        open_all(config(f'protocol = "tcp"\nbind = "{OWN}:8201-8203"'))
    with opened(f'protocol = "tcp"\nbind = "{OWN}:8201-8203"') as bound:
        assert len(bound) == 3


def test_an_address_of_another_machine() -> None:
    with pytest.raises(CannotListenError, match=r"192\.0\.2\.1:0: .*`ip addr` lists those it has"):
        open_all(config('protocol = "tcp"\nbind = "192.0.2.1:0"'))


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CannotListenError, match=r"nowhere:0: .*Name or service not known"):
        open_all(config('protocol = "tcp"\nbind = "nowhere:0"'))


def test_a_port_that_takes_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    with pytest.raises(CannotListenError, match=r"Permission denied \(ports below 1024 need root"):
        open_all(config('protocol = "tcp"\nbind = "127.0.0.1:554"'))


ONLY_RTSP = POOL.replace('sip = "192.0.2.1:5060"\n', "").replace("pools.p.", "pools.q.")
RECOGNISING = '[listeners.l0]\nprotocol = "auto"\nbind = "127.0.0.1:0"\npool = "q"\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["l0 callers"]),
        ('[[listeners.l0.match]]\nuser = "*"\npool = "p"\n', ["l0 callers", "l0 control"]),
        ('[pools.q]\nfallback = "p"\n', ["l0 callers", "l0 control"]),
    ],
)
def test_control_connections_for_calls_that_another_pool_takes(more: str, expected: list[str]) -> None:
    bound = open_all(parse(POOL + ONLY_RTSP + RECOGNISING + more, "sockets.toml"))
    try:
        assert uses(bound) == expected
    finally:
        for one in bound:
            one.sock.close()

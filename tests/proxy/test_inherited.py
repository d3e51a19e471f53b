"""Sockets that were opened for us: taken once, matched by name and address, and whatever fits nothing is told of."""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping

import attrs
import pytest

from mrcpbalance.config import Address
from mrcpbalance.proxy import CannotListenError
from mrcpbalance.proxy.inherited import Inherited, Passed
from mrcpbalance.proxy.sharing import Sharing
from mrcpbalance.proxy.sockets import Use, open_all
from tests.proxy.test_sockets import config

ANY = Address("127.0.0.1", 0)
RTSP = 'protocol = "rtsp"\nbind = "{}"'
SIP = 'protocol = "sip"\nbind = "{}"\n'


def stream(bind: tuple[str, int] = ("127.0.0.1", 0), *, listens: bool = True) -> socket.socket:
    sock = socket.socket()
    sock.bind(bind)
    if listens:
        sock.listen()
    return sock


def datagrams(bind: tuple[str, int] = ("127.0.0.1", 0)) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(bind)
    return sock


def where(sock: socket.socket) -> Address:
    return Address(*sock.getsockname()[:2])


@contextlib.contextmanager
def passed(**socks: socket.socket) -> Iterator[Inherited]:
    """Pass sockets by these names; a number at the end of one, and what is before it, is left out."""
    try:
        yield Inherited([Passed(name.rstrip("0123456789_"), sock) for name, sock in socks.items()])
    finally:
        for sock in socks.values():
            sock.close()


@attrs.frozen
class Descriptors:
    """Sockets with numbers that follow each other, as a process finds them that was started with them."""

    socks: list[socket.socket]
    first: int = 200

    def __enter__(self) -> None:
        for number, sock in enumerate(self.socks):
            os.dup2(sock.fileno(), self.first + number, inheritable=True)

    def __exit__(self, *_: object) -> None:
        for number, sock in enumerate(self.socks):
            with contextlib.suppress(OSError):
                os.close(self.first + number)
            sock.close()


def test_from_the_environment() -> None:
    one, other = stream(), datagrams()
    with Descriptors([one, other]):
        environment = {
            "LISTEN_PID": str(os.getpid()),
            "LISTEN_FDS": "2",
            "LISTEN_FDNAMES": "v1",
            "OTHER": "x",
        }
        inherited = Inherited.of(environment, 200)
        assert environment == {"OTHER": "x"}  # no child takes them for its own
        assert not any(os.get_inheritable(passed.sock.fileno()) for passed in inherited.left)
        told = [f'"v1" (tcp {where(one)})', f'"unknown" (udp {where(other)})']
        assert [str(passed) for passed in inherited.left] == told
        inherited.close()


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "some"}],
)
def test_not_for_us(environment: Mapping[str, str]) -> None:
    left = dict(environment)
    assert Inherited.of(left).left == []
    assert left == {}


def test_by_name_where_any_port_will_do() -> None:
    sock = stream()
    with passed(other=stream(), l0=sock) as inherited:  # "l0" loses its digit, so it is asked for by "l"
        taken = inherited.take("l", socket.SOCK_STREAM, ANY)
        assert taken is not None
        assert taken.sock is sock
        assert inherited.take("l", socket.SOCK_STREAM, ANY) is None


def test_by_address_where_the_name_says_nothing() -> None:
    sock = stream()
    with passed(mrcpbalance=stream(), mrcpbalance_2=sock) as inherited:
        taken = inherited.take("v1", socket.SOCK_STREAM, Address("localhost", where(sock).port))
        assert taken is not None
        assert taken.sock is sock


def test_what_does_not_fit() -> None:
    with passed(v=stream(), v_1=datagrams(), v_2=stream(listens=False)) as inherited:
        port = where(inherited.left[0].sock).port
        for bind in (Address("127.0.0.2", port), Address("127.0.0.1", port % 60_000 + 1), "/run/v"):
            assert inherited.take("v", socket.SOCK_STREAM, bind) is None
        silent = where(inherited.left[2].sock)
        assert inherited.take("v", socket.SOCK_STREAM, silent) is None


def test_a_unix_socket(tmp_path: object) -> None:
    path = f"{tmp_path}/admin.sock"
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    with passed(admin=sock) as inherited:
        assert str(inherited.left[0]) == f'"admin" (unix {path})'
        assert inherited.take("admin", socket.SOCK_STREAM, ANY) is None
        assert inherited.take("admin", socket.SOCK_STREAM, path) is not None


def test_a_listener_is_given_its_sockets() -> None:
    tcp = stream()
    udp = datagrams(tcp.getsockname())
    with passed(l=tcp, l_2=udp) as inherited:
        bound = open_all(config(SIP.format(where(tcp))), inherited)
        try:
            assert [one.sharing for one in bound] == [Sharing.SOCKET] * 2 + [Sharing.NOBODY] * 3
            assert [one.use for one in bound][2:] == [Use.CONTACT, Use.CONTACT_DATAGRAMS, Use.CONTROL]
            assert [one.sock for one in bound[:2]] == [tcp, udp]
            contact = {one.address for one in bound[2:4]}
            assert len(contact) == 1
            assert where(tcp) not in contact  # calls stay with the process that has them
        finally:
            for one in bound:
                one.sock.close()


def test_a_control_socket_by_its_name() -> None:
    control = stream()
    with passed(**{"l0-control_": control}) as inherited:
        bound = open_all(config(SIP.format("127.0.0.1:0")), inherited)
        try:
            assert bound[-1].sock is control
            assert bound[-1].sharing is Sharing.SOCKET
        finally:
            for one in bound:
                one.sock.close()


def test_a_range_of_ports() -> None:
    own = f"127.82.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    socks = [stream((own, port)) for port in (8001, 8002, 8003)]
    with passed(**{f"l{number}": sock for number, sock in enumerate(socks)}) as inherited:
        bound = open_all(config(f'protocol = "tcp"\nbind = "{own}:8001-8003"'), inherited)
        assert [one.sock for one in bound] == socks


def test_one_that_fits_nothing() -> None:
    with passed(l=stream(), v=stream()) as inherited:
        first, left = (where(one.sock) for one in inherited.left)
        with pytest.raises(CannotListenError) as refused:
            open_all(config(RTSP.format(first)), inherited)
    told = f'passed by systemd, but fits nothing in the configuration: "v" (tcp {left}) (its address must be a listener'
    assert str(refused.value).startswith(told)


def test_one_that_takes_both_families() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as sock:
        inherited = Inherited([Passed("l0", sock)])
        with pytest.raises(CannotListenError, match=r"takes IPv4 too \(set BindIPv6Only=ipv6-only\)"):
            open_all(config(RTSP.format(f"[::]:{sock.getsockname()[1]}")), inherited)

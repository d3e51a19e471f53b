"""The SIP side of a simulated peer: datagrams and connections on one address, and the transactions that use them."""

import contextlib
import itertools
import math
import secrets
import socket
from typing import Final, Protocol

import attrs
import trio

from mrcpbalance.config import Address
from mrcpwire import sip
from mrcpwire import sip_transactions as wire
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction, Flow, ServerTransaction

from ._connection import Connection, Hangup
from ._sip_asked import Asked

READ: Final = 65_536  # octets of a datagram at most
TRIES: Final = 50  # ports tried until one that is free for connections is free for datagrams too
PONG: Final = b"\r\n"  # the answer to a keep-alive on a stream (RFC 5626 section 4.4.1)
TRYING: Final = b"SIP/2.0 100 "
BRANCH_OCTETS: Final = 8


class SipUser(Protocol):
    """The peer that a user agent speaks for."""

    def takes(self, request: sip.Request) -> bool:
        """Tell whether a request arrived at all; also asked when it is sent again."""

    def heard(self, response: sip.Response) -> None:
        """Take note of any response, before whoever asked is told of it."""

    def told(self, event: wire.Event) -> None:
        """Take an event that answers nothing the peer asked."""

    def garbled(self, why: str) -> None:
        """Take it that something came which is no SIP."""


class UserAgent:
    """Sends and receives SIP by UDP and TCP; both have the same address, which is known once it runs."""

    def __init__(self, user: SipUser, *, trying: bool = True) -> None:
        self.transactions = wire.Transactions(wire.Timers(), lambda: secrets.token_hex(BRANCH_OCTETS))
        self.trying = trying  # whether INVITEs are answered 100 at once
        self._user = user
        self._asked: dict[ClientTransaction, Asked] = {}
        self._address: Address | None = None
        self._out: socket.socket | None = None
        self._ear: trio.socket.SocketType | None = None
        self._listeners: list[trio.SocketListener] = []
        self._connections: set[Connection] = set()
        self._numbers = itertools.count(1)
        self._nursery: trio.Nursery | None = None
        self._due = math.inf  # when the next timer rings, as far as the timekeeper knows
        self._sooner = trio.Event()

    @property
    def address(self) -> Address:
        """Where it is reached."""
        assert self._address is not None, "runs"
        return self._address

    async def run(self, bind: Address, task_status: trio.TaskStatus[Address]) -> None:
        """Live until cancelled; reports its `Address`."""
        self._out, self._listeners = await _open(bind)
        self._ear = trio.socket.from_stdlib_socket(self._out)
        self._address = Address(bind.host, self._out.getsockname()[1])
        with self._ear:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self._hear)
                self._nursery.start_soon(self._keep_time)
                await self._nursery.start(trio.serve_listeners, self._accepted, self._listeners)
                task_status.started(self._address)

    def kill(self) -> None:
        """Be gone at once, as a crashed process is: nothing is answered, connections are reset."""
        for connection in self._connections:
            connection.reset()
        for listener in self._listeners:
            listener.socket.close()
        if self._ear is not None:
            self._ear.close()

    # Ways to peers.

    def to(self, peer: Address) -> Flow:
        """Give the way to a peer by datagrams."""
        return Flow(transport="udp", local=self._local(), remote=(peer.host, peer.port), key=self)

    async def connect(self, peer: Address) -> Flow:
        """Open a connection to a peer; raises OSError."""
        stream = await trio.open_tcp_stream(peer.host, peer.port, local_address=self.address.host)
        connection = Connection(next(self._numbers), stream)
        assert self._nursery is not None, "runs"
        self._nursery.start_soon(self._hold, connection, peer)
        return self._flow_on(connection, peer)

    async def onwards(self, flow: Flow, dialog: Dialog) -> Flow:
        """Give the way for a dialog's next request: the connection it has, else where its peer is now."""
        host, port, _ = dialog.destination()
        if not isinstance(flow.key, Connection):
            return attrs.evolve(flow, remote=(host, port))
        return await self.connect(Address(host, port)) if flow.key.closed else flow

    def contact(self, flow: Flow) -> bytes:
        """Write our Contact for peers on this flow."""
        parameter = b";transport=tcp" if flow.reliable else b""
        return b"<sip:%b%b>" % (str(self.address).encode("ascii"), parameter)

    def is_gone(self, flow: Flow) -> bool:
        """Tell whether a flow is a connection that was closed."""
        return isinstance(flow.key, Connection) and flow.key.closed

    def hang_up(self, flow: Flow) -> None:
        """Reset the connection that a flow is; nothing happens to datagrams."""
        if isinstance(flow.key, Connection):
            flow.key.reset()

    # What is sent.

    def ask(self, request: sip.Request, flow: Flow) -> Asked:
        """Send a request."""
        transaction = self.transactions.request(request, flow, trio.current_time())
        asked = self._asked[transaction] = Asked(transaction, request, flow)
        self.flush()
        return asked

    def ack(self, asked: Asked, ack: sip.Request) -> None:
        """Acknowledge a 2xx, and again whenever it comes again."""
        self.transactions.ack(asked.transaction, ack)
        self.flush()

    def cancel(self, asked: Asked) -> None:
        """Cancel an INVITE."""
        self.transactions.cancel(asked.transaction, trio.current_time())
        self.flush()

    def respond(self, transaction: ServerTransaction, response: sip.Response) -> None:
        """Send a response."""
        self.transactions.respond(transaction, response, trio.current_time())
        self.flush()

    def acked(self, transaction: ServerTransaction) -> None:
        """Repeat a 2xx no more."""
        self.transactions.acked(transaction, trio.current_time())

    def send_raw(self, flow: Flow, data: bytes) -> None:
        """Send octets as they are."""
        if isinstance(flow.key, Connection):
            if not flow.key.closed:
                flow.key.send_nowait(data)
            return
        assert self._out is not None, "runs"
        with contextlib.suppress(OSError):  # datagrams get lost: the transactions know what to do
            self._out.sendto(data, flow.remote)

    def flush(self) -> None:
        """Send what is to be sent, and have the timekeeper know what is due."""
        for flow, data in self.transactions.output():
            if self.trying or not data.startswith(TRYING):
                self.send_raw(flow, data)
        due = self.transactions.next_deadline()
        if due is not None and due < self._due:
            self._sooner.set()

    # What comes in.

    async def _hear(self) -> None:
        assert self._ear is not None
        with contextlib.suppress(trio.ClosedResourceError):  # killed
            while True:
                data, source = await self._ear.recvfrom(READ)
                flow = Flow(transport="udp", local=self._local(), remote=source[:2], key=self)
                try:
                    message = sip.parse_datagram(data)
                except sip.SipError as error:
                    self._garbled(error, flow)
                else:
                    self._received(message, flow)
                self.flush()

    async def _accepted(self, stream: trio.SocketStream) -> None:
        peer = Address(*stream.socket.getpeername()[:2])
        await self._hold(Connection(next(self._numbers), stream), peer)

    async def _hold(self, connection: Connection, peer: Address) -> None:
        self._connections.add(connection)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.write)
                await self._read(connection, self._flow_on(connection, peer))
                nursery.cancel_scope.cancel()
        except* (Hangup, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._connections.discard(connection)
            connection.close()
            for event in self.transactions.failed(connection, trio.current_time()):
                self._event(event)

    async def _read(self, connection: Connection, flow: Flow) -> None:
        receiver = sip.StreamReceiver()
        try:
            while data := await connection.read():
                receiver.receive_data(data)
                while (message := receiver.next_event()) is not None:
                    if isinstance(message, sip.KeepAlive):
                        connection.send_nowait(PONG)
                    else:
                        self._received(message, flow)
                self.flush()
        except sip.SipError as error:
            self._garbled(error, flow)
            await connection.drain()

    def _received(self, message: sip.Request | sip.Response, flow: Flow) -> None:
        if isinstance(message, sip.Request) and not self._user.takes(message):
            return
        event = self.transactions.received(message, flow, trio.current_time())
        if event is not None:
            self._event(event)

    def _garbled(self, error: sip.SipError, flow: Flow) -> None:
        self._user.garbled(str(error))
        if error.answer is not None:
            self.send_raw(flow, error.answer.to_bytes())

    def _event(self, event: wire.Event) -> None:
        if isinstance(event, wire.Answered):
            self._user.heard(event.response)
        match event:
            case wire.Answered(transaction=transaction) if transaction in self._asked:
                if self._asked[transaction].answered(event.response):
                    del self._asked[transaction]
            case wire.TimedOut() | wire.TransportFailed():
                self._asked.pop(event.transaction).unanswered()
            case _:
                self._user.told(event)

    async def _keep_time(self) -> None:
        while True:
            due = self.transactions.next_deadline()
            self._due = math.inf if due is None else due
            self._sooner = trio.Event()
            with trio.move_on_at(self._due):
                await self._sooner.wait()
            for event in self.transactions.expire(trio.current_time()):
                self._event(event)
            self.flush()

    def _local(self) -> tuple[str, int]:
        return self.address.host, self.address.port

    def _flow_on(self, connection: Connection, peer: Address) -> Flow:
        return Flow(transport="tcp", local=self._local(), remote=(peer.host, peer.port), key=connection)


async def _open(bind: Address) -> tuple[socket.socket, list[trio.SocketListener]]:
    """Open a port for connections and datagrams; raises OSError."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    tries = 0
    while True:
        tries += 1
        (listener,) = await trio.open_tcp_listeners(bind.port, host=bind.host)
        datagrams = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            datagrams.bind(listener.socket.getsockname())
        except OSError:
            datagrams.close()
            listener.socket.close()
            if bind.port or tries == TRIES:
                raise
        else:
            return datagrams, [listener]

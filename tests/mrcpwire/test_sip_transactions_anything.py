"""Any messages and any deeds of a user in any order: no peer makes it fail, and everything ends."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, sip
from mrcpwire.sip_transactions import ClientTransaction, NewRequest, ServerTransaction, State
from tests.mrcpwire.sip_transactions_stage import TCP, UDP, Stage, request

# Few of each, so that much fits together. The last three are those of our own requests.
BRANCHES: Final = (b"z9hG4bKx", b"z9hg4bKy", b"old", b"z9hG4bKours1", b"z9hG4bKours2", b"z9hG4bKours3")
TOS: Final = (b"<sip:pool@192.0.2.1>", b"<sip:pool@192.0.2.1>;tag=ours", b"<sip:pool@192.0.2.1>;tag=b")
Deed = Callable[..., None]
SAFE: Final = ("hears", "waits", "loses")  # what may not fail
METHODS: Final = (b"INVITE", b"ACK", b"CANCEL", b"OPTIONS")

requests = st.builds(
    lambda method, branch, to, call: request(
        method, b"SIP/2.0/UDP 192.0.2.10:5070;branch=" + branch, to=to, call_id=call
    ),
    st.sampled_from(METHODS),
    st.sampled_from(BRANCHES),
    st.sampled_from(TOS),
    st.sampled_from((b"1", b"2")),
)
responses = st.builds(
    sip.response_to,
    requests,
    st.sampled_from((100, 180, 200, 302, 486)),
    to_tag=st.sampled_from((None, b"a", b"c")),
)
which = st.integers(0, 3)
deeds = st.one_of(
    st.tuples(st.just("hears"), requests | responses, st.sampled_from((UDP, TCP))),
    st.tuples(st.just("waits"), st.sampled_from((0.0, 0.3, 0.5, 5.0, 31.9, 32.0))),
    st.tuples(st.just("asks"), st.sampled_from((b"INVITE", b"OPTIONS")), st.sampled_from((UDP, TCP))),
    st.tuples(st.just("responds"), which, st.sampled_from((100, 180, 200, 486))),
    st.tuples(st.just("cancels"), which),
    st.tuples(st.just("acks"), which, st.sampled_from(TOS)),
    st.tuples(st.just("acked"), which),
    st.tuples(st.just("loses"), st.sampled_from(("socket", "connection"))),
)


class Player:
    """Does what it is told, with the transactions there are."""

    def __init__(self) -> None:
        self.stage = Stage(limit=4)
        self.clients: list[ClientTransaction] = []
        self.servers: list[tuple[ServerTransaction, sip.Request]] = []

    def hears(self, message: sip.Request | sip.Response, flow: Any) -> None:
        known = len(self.stage.layer)
        event = self.stage.hears(message, flow)
        assert len(self.stage.layer) <= max(known, 4) + 1  # a response may bring a CANCEL on its way
        if isinstance(event, NewRequest) and event.transaction is not None:
            self.servers.append((event.transaction, event.request))

    def waits(self, seconds: float) -> None:
        self.stage.run(self.stage.now + seconds)

    def asks(self, method: bytes, flow: Any) -> None:
        self.stage.flow = flow
        self.clients.append(self.stage.request(method))

    def responds(self, number: int, status: int) -> None:
        for transaction, asked in self.servers[number : number + 1]:
            response = sip.response_to(asked, status, to_tag=b"ours")
            self.stage.layer.respond(transaction, response, self.stage.now)

    def cancels(self, number: int) -> None:
        for transaction in self.clients[number : number + 1]:
            self.stage.layer.cancel(transaction, self.stage.now)

    def acks(self, number: int, to: bytes) -> None:
        for transaction in self.clients[number : number + 1]:
            self.stage.layer.ack(transaction, request(b"ACK", None, to=to))

    def acked(self, number: int) -> None:
        for transaction, _ in self.servers[number : number + 1]:
            self.stage.layer.acked(transaction, self.stage.now)

    def loses(self, key: str) -> None:
        self.stage.lose_connection(key)

    def ends(self) -> None:
        """Answer what is unanswered, cancel what has no answer, and wait."""
        for number in range(len(self.servers)):
            with contextlib.suppress(LocalProtocolError):
                self.responds(number, 486)
        for number in range(len(self.clients)):
            with contextlib.suppress(LocalProtocolError):
                self.cancels(number)
        self.waits(200.0)


@given(st.lists(deeds, max_size=25))
def test_anything(play: list[tuple[Any, ...]]) -> None:
    player = Player()
    for name, *details in play:
        deed: Deed = getattr(player, name)
        with contextlib.suppress(*([] if name in SAFE else [LocalProtocolError])):
            deed(*details)
        player.stage.flush()
    player.ends()
    assert len(player.stage.layer) == 0
    assert player.stage.layer.next_deadline() is None
    everything = [*player.clients, *(transaction for transaction, _ in player.servers)]
    assert all(transaction.state is State.ENDED for transaction in everything)

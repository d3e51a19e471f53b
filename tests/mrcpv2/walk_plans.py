"""What callers and backends do in a walk, and what the network does to their datagrams, as Hypothesis likes."""

from typing import Final, Literal

import attrs
from hypothesis import strategies as st

Step = Literal[
    "re-invite",
    "re-invite without offer",
    "add a resource",
    "remove a resource",
    "update",
    "info",
    "cancel",  # the last re-INVITE
    "bye",
    "lose control",
    "come back",  # on a new control connection
    "break",  # the TCP connection that carries SIP
    "die",  # neither hear nor say anything any more
]
STEPS: Final[tuple[Step, ...]] = (
    "re-invite",
    "re-invite",
    "re-invite without offer",
    "add a resource",
    "remove a resource",
    "update",
    "info",
    "cancel",
    "bye",
    "bye",
    "bye",
    "lose control",
    "come back",
    "break",
)

# When a datagram arrives, once for each copy. The network loses the same datagram a few times at most.
fates = st.sampled_from(((0.01,), (0.01,), (), (0.3,), (0.01, 0.2), (0.4, 0.0)))
moments = st.sampled_from((0.0, 0.02, 0.1, 0.5, 1.9, 2.1, 5.0))
whenever = st.none() | moments


@attrs.frozen(kw_only=True)
class Reply:
    """What a party does about a request inside a call."""

    rings: bool
    after: float | None  # None: never
    status: int
    stubborn: bool  # not even a BYE, only a CANCEL makes it give up


@attrs.frozen(kw_only=True)
class CallerPlan:
    """A call, as its caller sees it."""

    at: float
    resources: tuple[bytes, ...]
    connection: bytes
    offers: bool  # in the INVITE; else in the ACK
    cancelled_after: float | None
    acked_after: float | None
    uses_control: bool
    steps: tuple[tuple[float, Step], ...]
    replies: tuple[Reply, ...]


@attrs.frozen(kw_only=True)
class BackendPlan:
    """What a backend does about an INVITE."""

    rings_after: float | None
    answers_after: float | None
    status: int
    sound: bool  # its description can be used
    controls: tuple[
        Literal["stands", "refused", "silent"], ...
    ]  # what becomes of control connections, in turn
    connection: bytes
    elsewhere: bool  # its control port is another one in each description
    steps: tuple[tuple[float, Step], ...]
    replies: tuple[Reply, ...]


@attrs.frozen(kw_only=True)
class Plan:
    """A whole walk."""

    callers: tuple[CallerPlan, ...]
    backends: tuple[BackendPlan, ...]
    fates: tuple[tuple[float, ...], ...]
    caller_transport: Literal["udp", "tcp"]
    backend_transport: Literal["udp", "tcp"]
    direct: bool
    loses_byes: bool  # the first over each connection is lost with it


_steps = st.lists(
    st.tuples(moments, st.sampled_from(STEPS) | st.sampled_from((*STEPS, "die"))), max_size=4
).map(tuple)
_replies = st.lists(
    st.builds(
        Reply,
        rings=st.booleans(),
        after=whenever,
        status=st.sampled_from((200, 200, 200, 488, 491, 481)),
        stubborn=st.booleans(),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
_often = st.sampled_from((True, True, True, False))

caller_plans = st.builds(
    CallerPlan,
    at=moments,
    resources=st.sampled_from(
        ((b"speechrecog",), (b"speechsynth", b"speechrecog"), (b"speechrecog", b"speechrecog"))
    ),
    connection=st.sampled_from((b"new", b"existing")),
    offers=_often,
    cancelled_after=st.none() | whenever,
    acked_after=st.sampled_from((0.0, 0.0, 0.0, 0.1, 1.9, None)),
    uses_control=_often,
    steps=_steps,
    replies=_replies,
)
backend_plans = st.builds(
    BackendPlan,
    rings_after=whenever,
    answers_after=st.sampled_from((0.0, 0.0, 0.0, 0.1, 1.9, 2.1, 5.0, 21.0, None)),
    status=st.sampled_from((200, 200, 200, 200, 302, 404, 480, 486, 503)),
    sound=_often,
    controls=st.lists(
        st.sampled_from(("stands", "stands", "stands", "refused", "silent")), min_size=1, max_size=3
    ).map(tuple),
    connection=st.sampled_from((b"new", b"existing")),
    elsewhere=st.booleans(),
    steps=_steps,
    replies=_replies,
)
plans = st.builds(
    Plan,
    callers=st.lists(caller_plans, min_size=1, max_size=3).map(tuple),
    backends=st.lists(backend_plans, min_size=1, max_size=3).map(tuple),
    fates=st.lists(fates, min_size=1, max_size=30).map(tuple),
    caller_transport=st.sampled_from(("udp", "udp", "tcp")),
    backend_transport=st.sampled_from(("udp", "udp", "tcp")),
    direct=st.sampled_from((False, False, False, True)),
    loses_byes=st.booleans(),
)

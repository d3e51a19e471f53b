"""Whatever callers, backends and the network do: every call comes to one end on both sides, and nothing is left behind."""

from typing import Literal

import pytest
from hypothesis import given, settings

from tests.mrcpv2.walk_calls import Walk
from tests.mrcpv2.walk_plans import BackendPlan, CallerPlan, Plan, Reply, plans


def check_answers(walk: Walk) -> None:
    """Every INVITE has exactly one final answer, and no other request has two."""
    for branch in walk.invited:
        assert len(walk.finals[branch, b"INVITE"]) == 1
    for (_, method), answers in walk.finals.items():
        statuses = {answer.partition(b"\r\n")[0] for answer in answers}
        assert len(statuses) == 1 or method == b"CANCEL"  # 481 once its INVITE is forgotten


def check_legs(walk: Walk) -> None:
    """No leaked leg, no lost BYE: whoever has a dialog got a BYE or sent one."""
    assert walk.half == set()
    for party in walk.parties:
        if not party.dead:
            assert [leg for leg in party.legs if leg.dialog is not None and not leg.over] == []


def check_acks(walk: Walk, plan: Plan) -> None:
    """Whoever said 2xx to an INVITE of ours got an ACK, but where a party or a connection went, or held it back."""
    streams = "tcp" in (plan.caller_transport, plan.backend_transport)
    held_back = any(call.acked_after is None and not call.offers for call in plan.callers)
    if not streams and not held_back and not any(party.dead for party in walk.parties):
        assert [leg for party in walk.parties for leg in party.legs if leg.waited] == []


def check_nothing_is_left(walk: Walk) -> None:
    agent, context = walk.agent, walk.context
    assert (agent.calls, agent.dialogs, agent.asking) == ({}, {}, {})
    assert len(agent.transactions) == 0
    assert (agent.table.channels, agent.table.fronts) == ({}, {})
    assert len(context.register) == 0
    assert walk.taken == {"a": 0, "b": 0}
    assert [line for line in walk.lines if line.end not in walk.parties and not line.gone] == []
    assert [alarm for alarm in walk._alarms if alarm.at is not None] == []


def check_ends(walk: Walk) -> None:
    """Each session ended, once."""
    assert len(walk.ended) == len(set(walk.ended)) == len(walk.calls_heard)


@settings(deadline=None)
@given(plans)
def test_calls_come_to_their_ends(plan: Plan) -> None:
    walk = Walk(plan)
    walk.run()
    check_answers(walk)
    check_legs(walk)
    check_acks(walk, plan)
    check_nothing_is_left(walk)
    check_ends(walk)


REPLY = Reply(rings=False, after=0.0, status=200, stubborn=False)
CALLER = CallerPlan(
    at=0.0,
    resources=(b"speechsynth", b"speechrecog"),
    connection=b"existing",
    offers=True,
    cancelled_after=None,
    acked_after=0.0,
    uses_control=True,
    steps=((1.0, "re-invite"), (1.0, "info"), (1.0, "come back")),
    replies=(REPLY,),
)
BACKEND = BackendPlan(
    rings_after=None,
    answers_after=0.0,
    status=200,
    sound=True,
    controls=("stands",),
    connection=b"existing",
    elsewhere=False,
    steps=((2.0, "update"),),
    replies=(REPLY,),
)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_plain_walk_gets_somewhere(transport: Literal["udp", "tcp"]) -> None:
    walk = Walk(
        Plan(
            callers=(CALLER,),
            backends=(BACKEND,),
            fates=((0.01,),),
            caller_transport=transport,
            backend_transport=transport,
            direct=False,
            loses_byes=False,
        )
    )
    walk.run()
    assert walk.ends == ["client/teardown"]
    assert [leg.over for leg in walk.served] == ["got BYE"]
    (session,) = walk.ended
    assert (session.messages_to_backend, session.messages_to_client) == (4, 4)
    assert sorted(method for _, method in walk.finals) == [b"BYE", b"INFO", b"INVITE", b"INVITE", b"UPDATE"]

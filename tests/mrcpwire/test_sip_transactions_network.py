"""Whatever a network does: every request has one outcome, users are told once, and nothing is left behind."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.mrcpwire.sip_transactions_network import Network, Plan, fates, plans, seconds

FINAL: Final = {"200", "486", "487", "TimedOut", "TransportFailed"}
ONCE: Final = ("NewRequest", "Cancelled", "AckReceived", "NeverAcked")
SMOOTH: Final = [(0.01,)]


def check(network: Network) -> None:
    """Check what must hold for every call, and that no request, CANCEL among them, has two final responses."""
    assert all(len(statuses) == 1 for statuses in network.finals.values())
    for call, plan in network.plans.items():
        heard, served = network.caller.told[call], network.callee.told[call]
        answer = network.callee.answers.get(call)
        outcomes = [what for what in heard if what in FINAL]
        assert len(outcomes) == 1
        assert set(heard[:-1]) <= {"100", "180"}  # nothing is told after the outcome
        assert outcomes[0] in {str(answer), "TimedOut", "TransportFailed"}
        assert all(served.count(event) <= 1 for event in ONCE)
        check_callee(plan, answer, served)


def check_callee(plan: Plan, answer: int | None, served: list[str]) -> None:
    if plan.method != b"INVITE" or answer is None:
        assert served == ["NewRequest"][: answer is not None]
    elif answer == 200:
        assert served[1] in {"acked", "NeverAcked"}
        assert set(served[2:]) <= {"acked"}  # whenever one comes
    else:
        assert ("Cancelled" in served) is (answer == 487)
        assert set(served) <= {"NewRequest", "Cancelled", "AckReceived"}


def check_nothing_is_left(network: Network) -> None:
    for party in network.parties:
        assert len(party.layer) == 0
        assert party.layer.next_deadline() is None
        assert party.layer.output() == []
        assert [held() for held in party.forget() if held() is not None] == []


@given(st.lists(plans, min_size=1, max_size=4), st.lists(fates, min_size=1, max_size=40))
def test_over_a_bad_network(calls: list[Plan], fates: list[tuple[float, ...]]) -> None:
    network = Network(calls, fates)
    network.run()
    check(network)
    check_nothing_is_left(network)


@given(st.lists(plans, min_size=1, max_size=4), st.sampled_from(("udp", "tcp")))
def test_over_a_good_network(calls: list[Plan], transport: str) -> None:
    network = Network(calls, SMOOTH, transport)
    network.run()
    check(network)
    for call, plan in network.plans.items():
        late = plan.method != b"INVITE" and plan.answered_after >= 32.0
        answer = network.callee.answers[call]
        assert network.caller.told[call][-1] == ("TimedOut" if late else str(answer))
        if plan.method == b"INVITE" and plan.cancelled_after != plan.answered_after:
            cancelled = plan.cancelled_after is not None and plan.cancelled_after < plan.answered_after
            assert (answer == 487) is cancelled
    check_nothing_is_left(network)


@given(st.lists(plans, min_size=1, max_size=4), seconds)
def test_over_a_connection_that_breaks(calls: list[Plan], when: float) -> None:
    network = Network(calls, SMOOTH, "tcp")
    network.at(when, network.break_connection)
    network.run()
    check(network)
    check_nothing_is_left(network)

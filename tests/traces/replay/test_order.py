"""Answers that were captured before their questions."""

import pytest

from mrcpbalance.traces import Message
from mrcpbalance.traces.replay._order import in_order
from tests.replay.playing import CAPTURE, script_of


def sessions(name: str) -> list[tuple[Message, ...]]:
    return [session.messages for session in script_of(name).sessions]


@pytest.mark.parametrize("name", CAPTURE)
def test_what_is_in_order_stays_so(name: str) -> None:
    for messages in sessions(name):
        assert list(in_order(messages)) == [(message.time, message) for message in messages]


@pytest.mark.parametrize("name", ["mrcpv2-unimrcp-synth", "mrcpv1-unimrcp-synth"])
def test_an_early_answer_waits_for_its_question(name: str) -> None:
    [messages] = sessions(name)
    *rest, question, answer = messages  # BYE or TEARDOWN, and the 200 to it
    before = answer.answers
    answer.answers = None
    assert list(in_order([*rest, answer, question]))[-2:] == [
        (question.time, question),
        (question.time, answer),
    ]
    assert answer.answers is question is before


def test_an_answer_to_nothing_stays_where_it_is() -> None:
    [messages] = sessions("mrcpv2-unimrcp-synth")
    alone = messages[1:]
    assert [message for _, message in in_order(alone)] == list(alone)


def test_an_ack_waits_for_what_it_acknowledges() -> None:
    [messages] = sessions("mrcpv2-unimrcp-synth")
    invite, trying, ok, ack, *rest = messages
    given = [message for _, message in in_order([ack, ok, trying, invite, *rest])]
    assert given == [invite, ok, ack, trying, *rest]

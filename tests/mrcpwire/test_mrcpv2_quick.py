"""The quick way through and the rules: where the quick way has an answer, the rules have the same."""

from hypothesis import given
from hypothesis import strategies as st

from mrcpwire._mrcpv2_head import QUICK_MESSAGE
from mrcpwire.mrcpv2 import Limits, Policy
from tests.mrcpwire.mrcpv2_feeding import outcome_of
from tests.strategies import Mrcpv2Example, mrcpv2_messages, mutated, pieces_of

BY_RULE = Limits(message=QUICK_MESSAGE - 1)  # limits too narrow for the quick way
CHANNEL = b"Channel-Identifier: 45@speechrecog\r\n"


@given(st.data(), st.lists(mrcpv2_messages(canonical=True) | mrcpv2_messages(exact=False), max_size=4))
def test_both_ways_agree(data: st.DataObject, examples: list[Mrcpv2Example]) -> None:
    stream = b"".join(example.raw for example in examples)
    stream = data.draw(mutated(stream) | st.just(stream))
    pieces = data.draw(pieces_of(stream))
    for policy in Policy:
        expected = outcome_of(stream, policy=policy, limits=BY_RULE)
        assert outcome_of(stream, policy=policy) == expected
        assert outcome_of(stream, policy=policy) == expected  # from memory
        assert outcome_of(*pieces, policy=policy) == expected

"""A whole walk: a proxy between a caller and two backends that act by plans."""

import itertools
from collections.abc import Iterable

from mrcpbalance.sessions import End, Phase, Who
from tests.mrcpv2.sip_stage import A, B
from tests.mrcpv2.walk_backends import Backend, BackendLeg
from tests.mrcpv2.walk_callers import Caller
from tests.mrcpv2.walk_network import Network
from tests.mrcpv2.walk_parties import Leg, Party
from tests.mrcpv2.walk_plans import Plan


def standing(legs: Iterable[Leg]) -> set[bytes]:
    return {leg.call_id for leg in legs if leg.stands}


class Walk(Network):
    """A proxy between a caller and two backends."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.fates, plan.backend_transport, direct=plan.direct)
        plans = itertools.cycle(plan.backends)
        self.caller = Caller(self, plan.caller_transport)
        self.backends = [Backend(self, host, plan.backend_transport, plans) for host in (A, B)]
        self.half: set[bytes] = set()  # calls that stood on one side only when all was quiet
        for number, call in enumerate(plan.callers):
            self.caller.call(number, call)
        for party in self.parties:
            party.loses_byes = plan.loses_byes

    @property
    def parties(self) -> list[Party]:
        return [self.caller, *self.backends]

    @property
    def served(self) -> list[BackendLeg]:
        """Every call that reached a backend."""
        return [leg for backend in self.backends for leg in backend.legs if isinstance(leg, BackendLeg)]

    def run(self) -> None:
        """Let everything happen that was planned, end what still stands, and wait until nothing is left to happen."""
        self.passes(200.0)
        if not any(party.dead for party in self.parties):
            self.half = standing(self.caller.legs) ^ standing(self.served)
        for leg in self.caller.legs:
            leg.bye()
        self.passes(100.0)
        if self.caller.dead:
            for leg in self.served:
                leg.bye()
            self.agent.stop(End(Who.OPERATOR, Phase.ACTIVE), self.now)  # calls all of whose parties are gone
        self.passes(1000.0)  # idle connections end too

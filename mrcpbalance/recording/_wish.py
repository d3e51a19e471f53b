"""Which sessions are wanted in a recording."""

import attrs

from mrcpbalance.sessions import Phase, Session, Who

_FAULTLESS = frozenset((Who.CLIENT, Who.OPERATOR))


@attrs.frozen(kw_only=True)
class Wish:
    """What a session must be like; None: anything will do. `sample` is per cent of those that begin."""

    pool: str | None = None
    backend: str | None = None
    client: str | None = None
    protocol: str | None = None
    resource: str | None = None
    failed: bool = False
    sample: float = 100.0

    def may_want(self, session: Session) -> bool:
        """Tell of a session that begins whether it may be wanted."""
        return (
            self.client in (None, session.client)
            and self.protocol in (None, session.protocol)
            and self.pool in (None, session.pool)
        )

    def wants(self, session: Session) -> bool | None:
        """Tell whether a session is wanted; None while that isn't clear."""
        if session.end is None and (self.failed or (session.answered_at is None and self._asks_more)):
            return None
        return (
            self.backend in (None, session.backend)
            and (self.resource is None or self.resource in session.resources)
            and (not self.failed or failed(session))
        )

    @property
    def _asks_more(self) -> bool:
        return self.backend is not None or self.resource is not None


def failed(session: Session) -> bool:
    """Tell whether a session ended as none should: not by its caller, an operator, or its backend's own goodbye."""
    end = session.end
    if end is None or end.who in _FAULTLESS:
        return False
    return (end.who, end.phase) != (Who.BACKEND, Phase.TEARDOWN)

"""What a simulated MRCPv2 server says about session timers (RFC 4028); it never lets one run out."""

import attrs

from mrcpwire import sip

TOO_SMALL = 422


@attrs.frozen(kw_only=True)
class SessionTimer:
    """Its wishes, in seconds."""

    expires: int = 600
    minimum: int = 120

    def objection(self, request: sip.Request) -> int | None:
        """Refuse an interval that is too small (section 9)."""
        asked = self._asked(request)
        return TOO_SMALL if asked is not None and asked < self.minimum else None

    def headers(self, request: sip.Request) -> list[tuple[bytes, bytes]]:
        """Give what the 200 says: who can do timers refreshes, else we would."""
        asked = self._asked(request)
        seconds = self.expires if asked is None else asked
        if b"timer" not in request.headers.values(b"Supported"):
            return [(b"Session-Expires", b"%d;refresher=uas" % seconds)]
        return [
            (b"Require", b"timer"),
            (b"Session-Expires", b"%d;refresher=uac" % seconds),
            self.least(),
        ]

    def least(self) -> tuple[bytes, bytes]:
        """Give the header that tells the smallest interval."""
        return b"Min-SE", b"%d" % self.minimum

    @staticmethod
    def _asked(request: sip.Request) -> int | None:
        value = (request.headers.get(b"Session-Expires") or b"").partition(b";")[0].strip()
        return int(value) if value.isdigit() else None

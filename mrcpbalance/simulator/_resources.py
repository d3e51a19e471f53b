"""What a simulated speech resource answers, and what it tells afterwards; the same for both MRCP versions.

A resource hears no audio: the caller is taken to have spoken (or not, by setting), and every recognition gives the
same result. What needs a session's own memory is kept for real: parameters, and grammars under `session:` URIs, so
that a request which reaches the wrong server fails there as it would in the field.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final

import attrs
import trio

from ._messages import COMPLETE, IN_PROGRESS, PENDING, Event, Fields, Request, Response

# The requests that go on for a while, the event that tells of input, and the one that ends them.
LONG: Final[Mapping[str, tuple[str | None, str]]] = {
    "SPEAK": (None, "SPEAK-COMPLETE"),
    "RECOGNIZE": ("START-OF-INPUT", "RECOGNITION-COMPLETE"),
    "INTERPRET": (None, "INTERPRETATION-COMPLETE"),
    "RECORD": ("START-OF-INPUT", "RECORD-COMPLETE"),
    "VERIFY": ("START-OF-INPUT", "VERIFICATION-COMPLETE"),
}
_COMMON: Final = ("SET-PARAMS", "GET-PARAMS", "STOP")
_RECOGNISER: Final = (
    *_COMMON,
    "DEFINE-GRAMMAR",
    "RECOGNIZE",
    "INTERPRET",
    "GET-RESULT",
    "START-INPUT-TIMERS",
)
_SYNTHESISER: Final = (*_COMMON, "SPEAK", "PAUSE", "RESUME", "BARGE-IN-OCCURRED", "CONTROL", "DEFINE-LEXICON")
METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "speechrecog": (*_RECOGNISER, "RECOGNITION-START-TIMERS"),
    "dtmfrecog": (*_RECOGNISER, "RECOGNITION-START-TIMERS"),
    "speechsynth": _SYNTHESISER,
    "basicsynth": _SYNTHESISER,
    "recorder": (*_COMMON, "RECORD", "START-INPUT-TIMERS"),
    "speakverify": (*_COMMON, "START-SESSION", "END-SESSION", "VERIFY", "CLEAR-BUFFER", "START-INPUT-TIMERS"),
}
NLSML: Final = """<?xml version="1.0"?>
<result>
  <interpretation grammar="{grammar}" confidence="0.97">
    <instance>one</instance>
    <input mode="speech">one</input>
  </interpretation>
</result>
"""
_SUCCESS: Final[Fields] = (("Completion-Cause", "000 success"),)
_NORMAL: Final[Fields] = (("Completion-Cause", "000 normal"),)
_SILENCE: Final[Fields] = (("Completion-Cause", "000 success-silence"),)
_NO_INPUT: Final[Fields] = (("Completion-Cause", "002 no-input-timeout"),)
_NO_GRAMMAR: Final[Fields] = (("Completion-Cause", "004 grammar-load-failure"),)


@attrs.frozen(kw_only=True)
class Pace:
    """How fast a simulated server works, in seconds, and whether its callers say something."""

    speech: float = 0.02  # from a request that waits for input to the start of input
    result: float = 0.02  # from there, or from the request, to its completion
    callers_speak: bool = True


@attrs.define
class Resource:
    """One resource of one session: its parameters, its grammars and its queue of requests."""

    kind: str  # MRCPv2's name
    pace: Pace
    emit: Callable[[Event], Awaitable[None]]
    _params: dict[str, str] = attrs.field(factory=dict)
    _grammars: set[str] = attrs.field(factory=set)
    _queue: deque[Request] = attrs.field(factory=deque)
    _accepted: Request | None = None
    _more: trio.Event = attrs.field(factory=trio.Event)
    _stopped: trio.Event = attrs.field(factory=trio.Event)

    def answer(self, request: Request) -> Response:
        """Decide the answer; what the request sets going begins with `begin`, once the answer is on its way."""
        if request.method not in METHODS.get(self.kind, ()):
            return _response(request, 401)
        answer = self._ANSWERS.get(request.method)
        return answer(self, request) if answer else _response(request)

    def begin(self) -> None:
        """Set going what the last answer promised."""
        if self._accepted is not None:
            self._queue.append(self._accepted)
            self._accepted = None
            self._more.set()

    async def run(self) -> None:
        """Play accepted requests one after another, for ever; `emit` is awaited with each event."""
        while True:
            while self._queue:
                self._stopped = trio.Event()
                await self._play(self._queue[0])
            self._more = trio.Event()
            await self._more.wait()

    def _set_params(self, request: Request) -> Response:
        self._params.update((name.lower(), value) for name, value in request.headers)
        return _response(request)

    def _get_params(self, request: Request) -> Response:
        known = tuple((name, self._params.get(name.lower(), "")) for name, _ in request.headers)
        return _response(request, headers=known)

    def _define_grammar(self, request: Request) -> Response:
        self._grammars.add("session:" + (request.get("Content-Id") or "").strip("<>"))
        return _response(request, headers=_SUCCESS)

    def _accept(self, request: Request) -> Response:
        if missing := [uri for uri in _grammar_uris(request) if uri not in self._grammars]:
            return _response(request, 407, headers=(*_NO_GRAMMAR, ("Completion-Reason", f"no {missing[0]}")))
        self._accepted = request
        return _response(request, state=PENDING if self._queue else IN_PROGRESS)

    def _stop(self, request: Request) -> Response:
        stopped = ",".join(str(request.request_id) for request in self._queue)
        self._queue.clear()
        self._stopped.set()
        return _response(request, headers=(("Active-Request-Id-List", stopped),) if stopped else ())

    async def _play(self, request: Request) -> None:
        begun, ended = LONG[request.method]
        heard = self.pace.callers_speak and not request.body.startswith(b"builtin:dtmf")
        if begun is not None and heard:
            if not await self._undisturbed(self.pace.speech):
                return
            await self._tell(request, begun, IN_PROGRESS)
        if not await self._undisturbed(self.pace.result):
            return
        self._queue.popleft()  # before the event goes out: a STOP that comes meanwhile finds nothing to stop
        headers, body = _outcome(request, heard=heard)
        await self._tell(request, ended, COMPLETE, headers, body)

    async def _undisturbed(self, seconds: float) -> bool:
        """Wait; False when stopped meanwhile. Only waits are cut short, never a message on its way."""
        with trio.move_on_after(seconds):
            await self._stopped.wait()
        return not self._stopped.is_set()

    async def _tell(
        self, request: Request, name: str, state: str, headers: Fields = (), body: bytes = b""
    ) -> None:
        await self.emit(
            Event(name=name, request_id=request.request_id, state=state, headers=headers, body=body)
        )

    _ANSWERS: ClassVar[Mapping[str, Callable[["Resource", Request], Response]]] = {
        "SET-PARAMS": _set_params,
        "GET-PARAMS": _get_params,
        "DEFINE-GRAMMAR": _define_grammar,
        "STOP": _stop,
        "BARGE-IN-OCCURRED": _stop,
        **dict.fromkeys(LONG, _accept),
    }  # every other method succeeds, and that is all


def _response(
    request: Request, status: int = 200, *, state: str = COMPLETE, headers: Fields = ()
) -> Response:
    return Response(request_id=request.request_id, status=status, state=state, headers=headers)


def _outcome(request: Request, *, heard: bool) -> tuple[Fields, bytes]:
    """How a request ends that nobody stopped."""
    match request.method:
        case "SPEAK":
            return _NORMAL, b""
        case "RECORD" if heard:
            return _SILENCE, b""
        case _ if not heard:
            return _NO_INPUT, b""
        case "RECOGNIZE" | "INTERPRET":
            result = NLSML.format(grammar=next(iter(_uris(request)), "")).encode()
            return (*_SUCCESS, ("Content-Type", "application/x-nlsml")), result
    return _SUCCESS, b""


def _uris(request: Request) -> list[str]:
    if request.get("Content-Type") != "text/uri-list":
        return []
    return request.body.decode(errors="replace").split()


def _grammar_uris(request: Request) -> list[str]:
    return [uri for uri in _uris(request) if uri.startswith("session:")]

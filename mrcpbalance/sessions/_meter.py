"""How long MRCP requests take, and how they complete: counted in plain numbers, for each backend in each protocol."""

from bisect import bisect_left
from typing import Final

import attrs

from mrcpbalance.pool import Histogram

BOUNDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds
MOST_ASKED: Final = 64  # requests of one channel that are waited for; one that is stopped never completes
MOST_WORDINGS: Final = 256  # of causes, remembered
OTHER: Final = b"other"
# What peers may say is not bounded, labels must be: those of RFC 4463 and RFC 6787, and "other".
_GENERIC: Final = "SET-PARAMS GET-PARAMS"
_SYNTHESIZER: Final = "SPEAK STOP PAUSE RESUME BARGE-IN-OCCURRED CONTROL DEFINE-LEXICON"
_RECOGNIZER: Final = (
    "DEFINE-GRAMMAR RECOGNIZE INTERPRET GET-RESULT START-INPUT-TIMERS START-PHRASE-ENROLLMENT ENROLLMENT-ROLLBACK"
    " END-PHRASE-ENROLLMENT MODIFY-PHRASE DELETE-PHRASE RECOGNITION-START-TIMERS"
)
_OTHERS: Final = (
    "RECORD START-SESSION END-SESSION QUERY-VOICEPRINT DELETE-VOICEPRINT VERIFY VERIFY-FROM-BUFFER VERIFY-ROLLBACK"
    " CLEAR-BUFFER GET-INTERMEDIATE-RESULT SETUP TEARDOWN"
)
METHODS: Final = frozenset(f"{_GENERIC} {_SYNTHESIZER} {_RECOGNIZER} {_OTHERS}".encode().split())
CAUSES: Final = frozenset(
    b"normal barge-in parse-failure uri-failure error language-unsupported lexicon-load-failure cancelled"
    b" success no-match no-input-timeout recognition-timeout hotword-maxtime grammar-load-failure"
    b" grammar-compilation-failure grammar-compile-failure recognizer-error speech-too-early success-maxtime"
    b" too-much-speech-timeout semantics-failure partial-match partial-match-maxtime no-match-maxtime"
    b" grammar-definition-failure speech-not-usable success-silence speech-too-short speech-too-long buffer-empty"
    b" out-of-sequence repository-uri-failure repository-uri-missing voiceprint-id-missing"
    b" voiceprint-id-not-exist".split()
)


@attrs.define(eq=False)
class Meter:
    """The requests of one backend in one protocol."""

    methods: dict[bytes, Histogram] = attrs.field(factory=dict)
    causes: dict[bytes, int] = attrs.field(factory=dict)
    _names: dict[bytes | None, bytes] = attrs.field(factory=dict)  # of causes, as peers write them

    def done(self, method: bytes, seconds: float) -> None:
        """Count a request that was answered for good: by its response, or by the event that completes it."""
        histogram = self.methods.get(method)
        if histogram is None:
            histogram = self._histogram(method)
        histogram.counts[bisect_left(BOUNDS, seconds)] += 1
        histogram.sum += seconds

    def _histogram(self, method: bytes) -> Histogram:
        name = method if method in METHODS else OTHER
        return self.methods.setdefault(name, Histogram(BOUNDS))

    def completed(self, cause: bytes | None) -> None:
        """Count the value of an event's Completion-Cause, as in "000 success"; None when it has none."""
        name = self._names.get(cause)
        if name is None:
            name = self._name(cause)
        self.causes[name] += 1

    def _name(self, cause: bytes | None) -> bytes:
        word = (cause or b"").rstrip().rpartition(b" ")[2].lower()
        name = word if word in CAUSES else OTHER
        self.causes.setdefault(name, 0)
        if len(self._names) < MOST_WORDINGS:
            self._names[cause] = name
        return name


@attrs.define(eq=False)
class Meters:
    """The meters of a process, by pool, backend and protocol."""

    live: dict[tuple[str, str, str], Meter] = attrs.field(factory=dict)

    def of(self, pool: str, backend: str, protocol: str) -> Meter:
        """Give one, made when it is first asked for."""
        return self.live.setdefault((pool, backend, protocol), Meter())

"""Every timer of RFC 3261 section 17 and RFC 6026, played to the second: what is sent and told, and when nothing is left."""

from collections.abc import Callable

import pytest

from mrcpwire.sip_transactions import Timers
from tests.mrcpwire.sip_transactions_stage import TCP, UDP, Stage, request

Play = Callable[[Stage], object]
Log = list[tuple[float, str]]

A_TIMES = (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
E_TIMES = (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)


def repeats(what: str, times: tuple[float, ...] = E_TIMES, since: float = 0.0) -> Log:
    return [(since + time, what) for time in times]


def plays(*steps: Play) -> Play:
    def play(stage: Stage) -> None:
        for step in steps:
            step(stage)

    return play


def asks(method: bytes) -> Play:
    return lambda stage: stage.request(method)


def answers(status: int) -> Play:
    return lambda stage: stage.answer(status)


def hears(method: bytes) -> Play:
    return lambda stage: stage.hears(request(method))


def responds(status: int) -> Play:
    return lambda stage: stage.respond(status)


def waits(until: float) -> Play:
    return lambda stage: stage.run(until)


def asks_and_cancels(when: float, *before: Play) -> Play:
    """An INVITE, what happens to it, and its CANCEL."""

    def play(stage: Stage) -> None:
        transaction = stage.request(b"INVITE")
        plays(*before, waits(when))(stage)
        stage.layer.cancel(transaction, stage.now)
        stage.flush()

    return play


# What was played, what is on the log, and when the last transaction ended.
UNRELIABLE: dict[str, tuple[Play, Log, float]] = {
    "A, B: an INVITE without a sound": (
        asks(b"INVITE"),
        [(0.0, "INVITE"), *repeats("INVITE", A_TIMES), (32.0, "TimedOut")],
        32.0,
    ),
    "A stops with a provisional response": (
        plays(asks(b"INVITE"), waits(1.0), answers(100), waits(100.0), answers(180), answers(486)),
        [
            (0.0, "INVITE"),
            (0.5, "INVITE"),
            (1.0, "Answered"),
            (100.0, "Answered"),
            (100.0, "Answered"),
            (100.0, "ACK"),
        ],
        132.0,  # D
    ),
    "D: repeats of 300-699 are acknowledged, not told": (
        plays(asks(b"INVITE"), answers(503), waits(31.0), answers(503)),
        [(0.0, "INVITE"), (0.0, "Answered"), (0.0, "ACK"), (31.0, "ACK")],
        32.0,
    ),
    "M: the 2xx is told, repeats are not": (
        plays(asks(b"INVITE"), answers(200), waits(31.0), answers(200)),
        [(0.0, "INVITE"), (0.0, "Answered")],
        32.0,
    ),
    "E, F: a request without a sound": (
        asks(b"OPTIONS"),
        [(0.0, "OPTIONS"), *repeats("OPTIONS"), (32.0, "TimedOut")],
        32.0,
    ),
    "E in Proceeding: every T2, F runs on": (
        plays(asks(b"BYE"), waits(1.0), answers(100)),
        [
            (0.0, "BYE"),
            (0.5, "BYE"),
            (1.0, "Answered"),
            *repeats("BYE", (1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5)),
            (32.0, "TimedOut"),
        ],
        32.0,
    ),
    "K: repeats of a final response are absorbed": (
        plays(asks(b"BYE"), waits(1.0), answers(200), waits(5.5), answers(200)),
        [(0.0, "BYE"), (0.5, "BYE"), (1.0, "Answered")],
        6.0,
    ),
    "G, H: 300-699 without an ACK": (
        plays(hears(b"INVITE"), responds(486)),
        [(0.0, "NewRequest"), (0.0, "100 INVITE"), (0.0, "486 INVITE"), *repeats("486 INVITE")],
        32.0,
    ),
    "I: after the ACK": (
        plays(
            hears(b"INVITE"),
            responds(486),
            waits(2.0),
            hears(b"ACK"),
            waits(6.9),
            hears(b"INVITE"),
            hears(b"ACK"),
        ),
        [
            (0.0, "NewRequest"),
            (0.0, "100 INVITE"),
            (0.0, "486 INVITE"),
            (0.5, "486 INVITE"),
            (1.5, "486 INVITE"),
            (2.0, "AckReceived"),
        ],
        7.0,
    ),
    "J: a request that comes again is answered again": (
        plays(hears(b"OPTIONS"), waits(3.0), responds(200), waits(34.9), hears(b"OPTIONS")),
        [(0.0, "NewRequest"), (3.0, "200 OPTIONS"), (34.9, "200 OPTIONS")],
        35.0,
    ),
    "L: a 2xx without an ACK": (
        plays(hears(b"INVITE"), waits(1.0), responds(200), hears(b"INVITE")),
        [
            (0.0, "NewRequest"),
            (0.0, "100 INVITE"),
            (1.0, "200 INVITE"),
            *repeats("200 INVITE", since=1.0),
            (33.0, "NeverAcked"),
        ],
        33.0,
    ),
    "L: after the ACK, an INVITE that comes again is absorbed": (
        plays(
            hears(b"INVITE"),
            responds(200),
            waits(2.0),
            Stage.acked,
            hears(b"INVITE"),
            waits(31.0),
            hears(b"INVITE"),
        ),
        [
            (0.0, "NewRequest"),
            (0.0, "100 INVITE"),
            (0.0, "200 INVITE"),
            (0.5, "200 INVITE"),
            (1.5, "200 INVITE"),
        ],
        32.0,
    ),
    "a CANCEL without an answer, an INVITE without an end (9.1)": (
        asks_and_cancels(1.0, answers(180)),
        [
            (0.0, "INVITE"),
            (0.0, "Answered"),
            (1.0, "CANCEL"),
            *repeats("CANCEL", since=1.0),
            (33.0, "TimedOut"),
        ],
        33.0,
    ),
    "an INVITE that nobody hears, to be cancelled": (
        asks_and_cancels(1.0),
        [(0.0, "INVITE"), *repeats("INVITE", A_TIMES), (32.0, "TimedOut")],
        32.0,
    ),
}

# Over TCP nothing is sent again but a 2xx, and states that absorb last no time.
RELIABLE: dict[str, tuple[Play, Log, float]] = {
    "B": (asks(b"INVITE"), [(0.0, "INVITE"), (32.0, "TimedOut")], 32.0),
    "D": (
        plays(asks(b"INVITE"), answers(100), waits(50.0), answers(486)),
        [(0.0, "INVITE"), (0.0, "Answered"), (50.0, "Answered"), (50.0, "ACK")],
        50.0,
    ),
    "M": (plays(asks(b"INVITE"), answers(200)), [(0.0, "INVITE"), (0.0, "Answered")], 32.0),
    "F": (asks(b"OPTIONS"), [(0.0, "OPTIONS"), (32.0, "TimedOut")], 32.0),
    "F runs on": (
        plays(asks(b"OPTIONS"), waits(9.0), answers(100)),
        [(0.0, "OPTIONS"), (9.0, "Answered"), (32.0, "TimedOut")],
        32.0,
    ),
    "K": (
        plays(asks(b"OPTIONS"), waits(9.0), answers(200)),
        [(0.0, "OPTIONS"), (9.0, "Answered")],
        9.0,
    ),
    "H": (
        plays(hears(b"INVITE"), responds(486)),
        [(0.0, "NewRequest"), (0.0, "100 INVITE"), (0.0, "486 INVITE")],
        32.0,
    ),
    "I": (
        plays(hears(b"INVITE"), responds(486), waits(3.0), hears(b"ACK")),
        [(0.0, "NewRequest"), (0.0, "100 INVITE"), (0.0, "486 INVITE"), (3.0, "AckReceived")],
        3.0,
    ),
    "J": (
        plays(hears(b"OPTIONS"), waits(3.0), responds(200)),
        [(0.0, "NewRequest"), (3.0, "200 OPTIONS")],
        3.0,
    ),
    "L": (
        plays(hears(b"INVITE"), responds(200)),
        [
            (0.0, "NewRequest"),
            (0.0, "100 INVITE"),
            (0.0, "200 INVITE"),
            *repeats("200 INVITE"),
            (32.0, "NeverAcked"),
        ],
        32.0,
    ),
}


@pytest.mark.parametrize(("play", "log", "end"), UNRELIABLE.values(), ids=UNRELIABLE)
def test_over_udp(play: Play, log: Log, end: float) -> None:
    check(Stage(UDP), play, log, end)


@pytest.mark.parametrize(("play", "log", "end"), RELIABLE.values(), ids=RELIABLE)
def test_over_tcp(play: Play, log: Log, end: float) -> None:
    check(Stage(TCP), play, log, end)


def check(stage: Stage, play: Play, log: Log, end: float) -> None:
    play(stage)
    stage.run(1000.0)
    assert stage.log == log
    assert stage.ended_at == end
    assert len(stage.layer) == 0
    assert stage.layer.next_deadline() is None


def test_the_base_values_are_settings() -> None:
    stage = Stage(timers=Timers(t1=0.25, t2=1.0, t4=2.0))
    stage.request(b"OPTIONS")
    stage.run(2.0)
    assert stage.log == repeats("OPTIONS", (0.0, 0.25, 0.75, 1.75))
    stage.answer(200)
    stage.run(1000.0)
    assert stage.ended_at == 4.0


def test_timer_d_is_never_short() -> None:
    stage = Stage(timers=Timers(t1=0.01))
    stage.request(b"INVITE")
    stage.answer(486)
    stage.run(1000.0)
    assert stage.ended_at == 32.0


def test_a_late_bell_makes_no_burst() -> None:
    stage = Stage()
    stage.request(b"INVITE")
    stage.now = 10.0
    assert stage.layer.expire(10.0) == []
    stage.flush()
    assert stage.log == [(0.0, "INVITE"), (10.0, "INVITE")]
    assert stage.layer.next_deadline() == 11.0

"""`mrcpbalance top`: what its picture is made of, and how it looks on screens of all sizes."""

import importlib.util
from typing import Any

import pytest

from mrcpbalance.cli._ask import Admin, NoAnswerError
from mrcpbalance.cli._top_figures import Picture, take
from tests.cli.test_ask import answering, error, run

HISTORY: dict[str, Any] = {
    "step_s": 5.0,
    "steps": 2,
    "backends": [
        {
            "pool": "speech",
            "backend": "a",
            "ended": {"client/teardown": [30, 20], "client/active": [0, 5], "backend/active": [0, 10]},
            "recent": {"setup_p50_ms": 3.21, "setup_p95_ms": 250.4, "failures": 2},
        },
        {"pool": "speech", "backend": "", "ended": {"proxy/setup": [9, 9]}, "recent": {}},
    ],
}


def backend(name: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "name": name,
        "state": "up",
        "sessions": 7,
        "max_sessions": None,
        "peak": {"sessions": 9, "at": None, "resources": {}},
    }
    return row | changes


def session(number: int) -> dict[str, object]:
    return {
        "id": f"session-{number:02}",
        "protocol": "mrcpv1",
        "client": "192.0.2.7",
        "pool": "speech",
        "backend": "a",
        "resources": ["speechrecog", "speechsynth"],
        "age_s": 3.0 * 20**number,
        "messages_to_backend": 4,
        "messages_to_client": 5,
    }


class Proxy(Admin):
    """Answers what it is given."""

    def __init__(self, **answers: object) -> None:
        super().__init__("127.0.0.1:8090")
        rows = [backend("a", max_sessions={"speechrecog": 8, "speechsynth": 2}), backend("b", state="down")]
        ANSWERS.update(
            {
                "me": {"role": "reader", "version": "1.2.3"},
                "pools": {"pools": [{"name": "speech", "backends": rows}], "draining": False},
                "history?seconds=10": HISTORY,
                "sessions?limit=20&sort=oldest": {"sessions": [session(n) for n in range(4)], "total": 12},
                "sessions?limit=20&sort=busiest": {"sessions": [session(2)], "total": 12},
            }
        )
        ANSWERS.update(answers)

    def ask(self, method: str, path: str, patience: float) -> dict[str, Any]:
        answer = ANSWERS[path.removeprefix("/api/v1/")]
        assert isinstance(answer, dict)
        return answer


ANSWERS: dict[str, object] = {}


def test_the_picture() -> None:
    picture = take(Proxy(), 1.0)
    assert (picture.version, picture.role, picture.draining, picture.total) == ("1.2.3", "reader", False, 12)
    a, b = picture.backends
    assert (a.name, a.state, a.sessions, a.most, a.peak) == ("speech/a", "up", 7, 10, 9)
    assert (a.setup_p50, a.setup_p95, a.good, a.bad, a.failures) == (3.21, 250.4, 5.5, 1.0, 2)
    assert (b.most, b.setup_p50, b.good, b.bad, b.failures) == (None, None, 0, 0, 0)  # nothing happened there
    assert [line.id for line in picture.busiest] == ["session-02"]
    assert (picture.oldest[0].messages, picture.oldest[0].resources) == (9, "speechrecog speechsynth")


def test_too_early_to_tell() -> None:
    young = Proxy(**{"history?seconds=10": {"step_s": 5.0, "steps": 0, "backends": []}})
    assert [(line.good, line.bad) for line in take(young, 1.0).backends] == [(None, None)] * 2


@pytest.mark.parametrize(
    "answer", [{}, {"pools": "none"}, {"pools": [{}]}, {"pools": [{"name": "p", "backends": [{}]}]}]
)
def test_an_answer_of_another_version(answer: dict[str, object]) -> None:
    with pytest.raises(NoAnswerError, match=r"127.0.0.1:8090 answers in another way than this version"):
        take(Proxy(pools=answer | {"draining": False}), 1.0)


def drawn(picture: Picture, trouble: str = "", *, width: int = 100, height: int | None = None) -> list[str]:
    pytest.importorskip("rich")
    from rich.console import Console  # noqa: PLC0415 - an optional extra

    from mrcpbalance.cli._top_view import draw  # noqa: PLC0415

    console = Console(width=width, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(draw(picture, "here", trouble, width=width, height=height))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_how_it_looks() -> None:
    lines = drawn(take(Proxy(), 1.0))
    assert lines[0].startswith("12 live sessions  ")
    assert lines[0].endswith("  q quits  mrcpbalance 1.2.3 at here")
    assert lines[2].split() == [
        "BACKEND",
        "STATE",
        "SESSIONS",
        "PEAK",
        "SETUP",
        "ms",
        "95%",
        "ENDS/s",
        "BAD/s",
        "FAIL",
    ]
    assert lines[3].split() == [
        "speech/a",
        "up",
        "███████████░░░░░",
        "7/10",
        "9",
        "3.2",
        "250",
        "5.5",
        "1.0",
        "2",
    ]
    assert lines[4].split() == ["speech/b", "down", "7", "9", "-", "-", "0.0", "0.0", "0"]
    ages = [line.split()[-2] for line in lines if line.startswith("session-")]
    assert ages == ["20m00s", "3s", "1m00s", "20m00s", "6h40m"]
    draining = drawn(take(Proxy(pools={"pools": [], "draining": True}), 1.0))
    assert "draining: no new sessions" in draining[0]


def test_trouble_is_told_above_the_last_picture() -> None:
    lines = drawn(take(Proxy(), 1.0), "no proxy answers")
    assert lines[1] == "asking again: no proxy answers"
    assert lines[4].startswith("speech/a")


@pytest.mark.parametrize("width", [60, 80, 99, 100, 200])
@pytest.mark.parametrize("height", [5, 12, 24, 50])
def test_it_fits_the_screen(width: int, height: int) -> None:
    many = [backend(f"asr-{number}") for number in range(40)]
    busy = {"sessions": [session(number) for number in range(20)], "total": 20}
    proxy = Proxy(
        pools={"pools": [{"name": "speech", "backends": many}], "draining": False},
        **{"sessions?limit=20&sort=oldest": busy, "sessions?limit=20&sort=busiest": busy},
    )
    lines = drawn(take(proxy, 1.0), "trouble", width=width, height=height)
    assert len(lines) <= max(height, 18)  # what can't be shown on less is cut off below
    assert all(len(line) <= width for line in lines)
    assert any(line.startswith("… and ") for line in lines)
    assert [line.split()[0] for line in lines if line.startswith(("BUSIEST", "OLDEST"))] == [
        "BUSIEST",
        "OLDEST",
    ]


def test_the_slow_one_stands_out() -> None:
    pytest.importorskip("rich")
    from mrcpbalance.cli._top_view import _slow  # noqa: PLC0415 - needs an optional extra

    def slow(*times: float | None) -> set[int]:
        tracks = [
            {"pool": "speech", "backend": str(at), "ended": {}, "recent": {"setup_p95_ms": one}}
            for at, one in enumerate(times)
        ]
        rows = [backend(str(at)) for at in range(len(times))]
        proxy = Proxy(
            pools={"pools": [{"name": "speech", "backends": rows}], "draining": False},
            **{"history?seconds=10": {"step_s": 5.0, "steps": 2, "backends": tracks}},
        )
        return {int(name.partition("/")[2]) for name in _slow(take(proxy, 1.0).backends)}

    assert slow(10.0, 12.0, 9.0, 80.0, 11.0) == {3}
    assert slow(10.0, 12.0, 9.0, 20.0, 11.0) == set()
    assert slow(10.0, 80.0) == set()  # which of two is the odd one?
    assert slow(10.0, None, 9.0, 80.0) == {3}


def test_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    told = error(run("top"))
    assert told == "mrcpbalance: top needs rich, which isn't installed: pip install 'mrcpbalance[live]'"


def test_a_token_that_is_wanted() -> None:
    pytest.importorskip("rich")
    with answering('{"error": "send it"}', 401) as stub:
        assert "asks for its token: give --token-file" in error(run("top", "--admin", stub.where))

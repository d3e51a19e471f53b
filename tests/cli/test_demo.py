"""The demo: it ends by itself, keeps its promises with the proxy, and notices when they are broken."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
import trio

from mrcpbalance.cli import demo
from mrcpbalance.cli._demo_cast import Cast, Outcome, Tale, Tempo
from mrcpbalance.cli._demo_checks import Death, findings
from mrcpbalance.cli._demo_show import Live, Plain, choose
from mrcpbalance.config import Address, Config
from mrcpbalance.sessions import Session
from mrcpbalance.sessions.ports import Journal

BRISK = demo.Timing(
    tempo=Tempo(speech=0.02, result=0.03, breath=0.02, patience=0.2, turns=2, limit=1.0),
    picture=0.2,
    calm=0.5,
    after=0.5,
)
RUN = [sys.executable, "-c", "from mrcpbalance.cli import main; main()", "demo"]


class Heard:
    """A show that only remembers."""

    every = 0.05

    def __init__(self) -> None:
        self.text = ""
        self.pictures = 0

    def running(self) -> "Heard":
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, text: str = "") -> None:
        self.text += text + "\n"

    def picture(self, cast: Cast, dead: object) -> None:
        self.pictures += 1


def broken(text: str) -> list[str]:
    return [line for line in text.splitlines() if "BROKEN" in line]


def test_the_command_ends_by_itself_and_all_is_well() -> None:
    begun = time.monotonic()
    done = subprocess.run([*RUN, "--fast"], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert broken(done.stdout) == []
    assert done.returncode == 0
    assert "dies, with" in done.stdout
    assert "has ended: " in done.stdout
    assert done.stdout.count("\n  ok ") >= 9
    assert "MRCPv1" in done.stdout
    assert "MRCPv2" in done.stdout
    assert time.monotonic() - begun < 15


def interrupted(at: str, *flags: str) -> str:
    """Run the demo, press Ctrl-C when it tells this, and give what it told, once it ended well."""
    with subprocess.Popen([*RUN, "--fast", *flags], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = ""
        for line in running.stdout:
            told += line
            if at in line:
                running.send_signal(signal.SIGINT)
        status = running.wait(timeout=10)
    assert (status, broken(told)) == (0, [])
    return told


def test_keep_goes_on_until_interrupted() -> None:
    assert "What happened:" in interrupted("until Ctrl-C", "--keep")


def test_interrupted_before_anything_died() -> None:
    told = interrupted("listens on")
    assert "dies" not in told
    assert "0 sessions lost their server" in told


async def _pump(source: trio.SocketStream, target: trio.SocketStream) -> None:
    try:
        async for data in source:
            await target.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    target.socket.close()


async def balance_connections(
    config: Config,
    *,
    journal: Journal,
    ended: Callable[[Session, float], None],
    task_status: trio.TaskStatus[Mapping[str, list[Address]]],
) -> None:
    """Stand in for the proxy with what every TCP balancer does: one connection, one backend. All of SIP goes to one."""
    backends = config.pools["speech"].backends.values()
    sip = next(iter(backends)).sip
    assert sip is not None
    addresses = [backend.rtsp for backend in backends]
    turn = 0

    async def relay(caller: trio.SocketStream) -> None:
        nonlocal turn
        turn += 1
        address = addresses[turn % len(addresses)]
        assert address is not None
        try:
            backend = await trio.open_tcp_stream(address.host, address.port)
        except OSError:
            caller.socket.close()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, caller, backend)
            nursery.start_soon(_pump, backend, caller)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, relay, listeners)
        task_status.started({"v1": [Address("127.0.0.1", port)], "v2": [sip]})


@pytest.mark.real_time
async def test_a_balancer_of_connections_breaks_the_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "serve", balance_connections)
    show = Heard()
    story = demo.Demo(show, BRISK)
    await story.run()
    assert not story.summary()
    told = "".join(broken(show.text))
    assert all(f"caller {number} on 1" in told for number in (1, 2, 3, 4))
    assert show.pictures > 3


def cast() -> Cast:
    """Make a cast after a run without a fault: s01 died with asr-2, s02 went on, s03 began later."""
    made = Cast(Tempo())
    tales = [
        Tale("s01", "caller 1", "asr-2", outcome=Outcome.LOST),
        Tale("s02", "caller 1", "asr-1", outcome=Outcome.FINISHED),
        Tale("s03", "caller 1", "asr-1", outcome=Outcome.FINISHED),
    ]
    made.ended.extend(tales)
    made.lost = tales[:1]
    made.spread = {"caller 1": 2}
    made.given_out = {"1": {"asr-1", "asr-2"}}
    made.began, made.requests = 3, 12
    made.outcomes |= {Outcome.LOST: 1, Outcome.FINISHED: 2}
    return made


def death(made: Cast) -> Death:
    return Death(server="asr-2", victims=(made.ended[0],), others=(made.ended[1],), began=2)


ENDS = Counter({"client/teardown": 2, "backend/active": 1})


def judged(made: Cast, *, ends: Counter[str] = ENDS, faults: int = 0, died: bool = True) -> list[str]:
    """Tell the promises found broken."""
    found = findings(made, death(made) if died else None, ends, faults)
    return [finding.text for finding in found if not finding.kept]


def test_nothing_to_complain_about() -> None:
    assert judged(cast()) == []


def _stray(made: Cast) -> None:
    made.strayed.append("s02")


def _leave_open(made: Cast) -> None:
    made.unanswered.append("ANNOUNCE")


def _wonder(made: Cast) -> None:
    made.anomalies.append("answer to no request")


def _bundle(made: Cast) -> None:
    made.spread["caller 1"] = 1


def _number_apart(made: Cast) -> None:
    made.given_out = {"1": {"asr-1"}, "2": {"asr-2"}}


def _refuse(made: Cast) -> None:
    made.outcomes[Outcome.REFUSED] += 1


def _stick(made: Cast) -> None:
    made.outcomes[Outcome.STUCK] += 1


def _cut_another(made: Cast) -> None:
    made.ended[1].outcome = Outcome.LOST


def _lose_another(made: Cast) -> None:
    made.lost.append(made.ended[2])


def _spare(made: Cast) -> None:
    made.lost.clear()


def _begin_on_the_dead(made: Cast) -> None:
    made.ended[2].server = "asr-2"


def _stop_beginning(made: Cast) -> None:
    made.began = 2


CRIMES = {
    "strayed": (_stray, "stayed on one server"),
    "left open": (_leave_open, "left open"),
    "unasked for": (_wonder, "nobody had asked for"),
    "bundled": (_bundle, "caller 1 on 1"),
    "ids of their own": (_number_apart, "0 were given out by several"),
    "refused": (_refuse, "1 sessions were refused"),
    "stuck": (_stick, "1 got no answer"),
    "another was cut": (_cut_another, "other servers"),
    "another was lost": (_lose_another, "1 other sessions were lost"),
    "nobody was lost": (_spare, "0 were lost, each told so"),
    "one began on the dead": (_begin_on_the_dead, "(s03)"),
    "none began after": (_stop_beginning, "0 sessions began after that"),
}


@pytest.mark.parametrize(("crime", "complaint"), CRIMES.values(), ids=CRIMES)
def test_each_broken_promise_is_found(crime: Callable[[Cast], None], complaint: str) -> None:
    made = cast()
    crime(made)
    assert any(complaint in text for text in judged(made))


def test_the_proxys_own_account_must_agree() -> None:
    assert judged(cast(), ends=Counter({"client/teardown": 3}))
    assert judged(cast(), ends=Counter({"client/teardown": 1, "backend/active": 1}))
    assert judged(cast(), faults=1)


def test_no_session_may_be_lost_when_nobody_died() -> None:
    assert any("which none should have" in text for text in judged(cast(), died=False))


def seated() -> Cast:
    made = Cast(Tempo())
    for server in made.servers.values():
        server.rtsp._address = Address("127.0.0.1", 1554)
        server.sip._address = Address("127.0.0.1", 5060)
    made.live = [Tale("s01", "caller 1", "asr-1", doing="listening"), Tale("s02", "caller 1", "asr-3")]
    return made


def test_plain_pictures_come_only_when_something_changed(capsys: pytest.CaptureFixture[str]) -> None:
    show = choose(plain=True, every=1.5)
    assert isinstance(show, Plain)
    assert show.every == 1.5
    made = seated()
    show.picture(made, ["asr-2"])
    show.picture(made, ["asr-2"])
    first, second, third, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("    asr-1  caller 1: s01   caller 2: -")
    assert second.startswith("    asr-2  dead   caller 1: -")
    assert "s02" in third
    assert rest == [""]


def test_live_pictures(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    show = choose(plain=False, every=1.5)
    assert isinstance(show, Live)
    made = seated()
    with show.running():
        show.tell("[begin]")
        show.picture(made, ["asr-2"])
    told = capsys.readouterr().out
    for part in (
        "[begin]",
        "asr-2  dead",
        "asr-1  1 sessions",
        "RTSP :1554",
        "SIP :5060",
        "MRCPv2, SIP/UDP",
        "s01 listening",
        "s02",
    ):
        assert part in told


def test_without_a_terminal_lines_are_printed() -> None:
    assert isinstance(choose(plain=False, every=1.5), Plain)

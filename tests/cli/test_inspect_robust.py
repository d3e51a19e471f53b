"""`mrcpbalance inspect` with damaged files, odd terminals and much to do."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcpbalance.cli import main
from tests.traces import packets
from tests.traces.scene import Scene, answer, setup

CAPTURES = Path(__file__).parents[1] / "captures"
MIXED = CAPTURES / "mixed-unimrcp-concurrent.pcap"
EDGES = CAPTURES / "mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap"
OFFLINE = CAPTURES / "unimrcp-server-offline-503.pcap"
RTP = packets.udp(("192.0.2.1", 1), ("192.0.2.2", 2), b"\x80" + bytes(171))
RUN = [sys.executable, "-c", "from mrcpbalance.cli import main; main()", "inspect"]


def inspect(*arguments: str | Path, data: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)], input=data, catch_exceptions=False)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_in_a_file_makes_it_crash(data: st.DataObject) -> None:
    """Cut, flipped, doubled or made up: a result or a clear error."""
    whole = data.draw(st.sampled_from([MIXED, EDGES])).read_bytes()
    start, end = (data.draw(st.integers(0, len(whole))) for _ in range(2))
    damaged = bytearray(whole[: max(start, end)])
    for place, bits in data.draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=8)):
        if damaged:
            damaged[place % len(damaged)] ^= bits
    arguments = data.draw(st.sampled_from([[], ["--json"], ["--session", "1"], ["--failed"]]))
    result = inspect("-", *arguments, data=bytes(damaged))
    if result.exit_code:
        assert result.exit_code == 1
        assert result.stdout == ""
        assert "not a capture" in result.stderr or "no session" in result.stderr
    elif "--json" in arguments:
        json.loads(result.stdout)
    else:
        assert result.stdout.splitlines()[0].split()[1] == "sessions"


def test_times_beyond_the_calendar(tmp_path: Path) -> None:
    """What a file says of time may be nonsense; the table goes without the date."""
    file = tmp_path / "x.pcapng"
    late = packets.Packet(b"x", (2**63) * 1000)
    file.write_bytes(packets.pcapng([late]))
    result = inspect(file)
    assert result.exit_code == 0
    assert result.stdout == "0 sessions\n1 packet in 0.00 ms\n"
    assert inspect(file, "--html", tmp_path / "x.html").exit_code == 0


def test_many_findings_are_bounded(tmp_path: Path) -> None:
    scene = Scene()
    for port in range(60):
        scene.tcp(("192.0.2.1", 1000 + port), ("198.51.100.2", 1554)).up(
            setup(1), answer(1, b"x") + b"\1\r\n\r\n"
        )
    scene.wait(10)
    scene.udp(("192.0.2.1", 1), ("192.0.2.1", 2), b"x")
    file = tmp_path / "x.pcap"
    file.write_bytes(scene.file())
    lines = inspect(file).stdout.splitlines()
    assert lines[-1].endswith("more; --json has them all")
    assert sum(line.startswith("  ") for line in lines) == 40 + 1


def test_a_terminal_that_cannot_show_lines() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    for arguments in (["--session", "3"], []):
        run = [*RUN, str(MIXED), *arguments]
        result = subprocess.run(run, capture_output=True, env=environment, check=False)
        assert (result.returncode, result.stderr) == (0, b"")
        assert b"\\u" not in result.stdout


def test_a_pipe_that_closes() -> None:
    with subprocess.Popen(
        [*RUN, str(MIXED), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def on_terminal(*arguments: str | Path, columns: int = 80) -> str:
    """Run the command on a terminal of its own."""
    main_end, end = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm"}
    with subprocess.Popen(
        [*RUN, *map(str, arguments)], stdout=end, stderr=end, stdin=end, env=environment
    ) as process:
        os.close(end)
        out = b""
        while True:
            try:
                part = os.read(main_end, 65_536)
            except OSError:
                break
            if not part:
                break
            out += part
        assert process.wait() == 0
    os.close(main_end)
    return out.decode()


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    lines = on_terminal(OFFLINE, columns=130).splitlines()
    head = next(line for line in lines if line.startswith("#"))
    assert "outcome" in head
    assert " id" not in head
    failed = next(line for line in lines if "refused" in line)
    assert "\x1b[31mrefused" in failed
    wide = on_terminal(OFFLINE, columns=300)
    assert " id" in wide


def test_a_narrow_terminal_gets_wrapped_notes() -> None:
    lines = on_terminal(MIXED, "--session", "3", columns=90).splitlines()
    assert max(map(len, lines)) <= 90


def test_a_large_file_has_a_progress_bar(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(60):
        scene.udp(("192.0.2.1", 1), ("192.0.2.1", 2), bytes([0x80, number]) + bytes(1400))
    file = tmp_path / "large.pcap"
    file.write_bytes(scene.file()[:24] + scene.file()[24:] * 60)
    assert file.stat().st_size > 4 << 20
    shown = on_terminal(file)
    assert "reading" in shown
    assert "3600 RTP packets" in shown


def test_a_hundred_thousand_packets_take_seconds(tmp_path: Path) -> None:
    """Half media, half sessions; the limit is generous, for slow machines with other things to do."""
    one = (CAPTURES / "mrcpv1-unimrcp-synth.pcap").read_bytes()[24:]
    media = packets.Packet(packets.frame(packets.ip(("192.0.2.1", 1), ("192.0.2.2", 2), 17, RTP)), 0)
    file = tmp_path / "large.pcap"
    file.write_bytes(packets.pcap([media] * 50_000) + one * 2_500)
    before = time.process_time()
    result = inspect(file)
    assert result.stdout.splitlines()[1].startswith("100000 packets")
    assert "passed over: 50000 RTP packets" in result.stdout
    assert time.process_time() - before < 20

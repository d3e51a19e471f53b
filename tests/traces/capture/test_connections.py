"""TCP connections: who is the client, where one ends and the next begins, and octets that nobody captured."""

import attrs
import pytest

from mrcpbalance.traces import Connection, Ending, Endpoint, Limits
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces.capture import Connections, Frame, Packets, Piece
from tests.traces.packets import ACK, CALLER, ETHERNET, FIN, SERVER, SYN, Peer, ip, tcp
from tests.traces.scene import Scene


@attrs.define(eq=False)
class Ear:
    """Remembers what it hears, side by side."""

    connection: Connection
    deaf: bool = False
    pieces: list[tuple[Endpoint, Piece]] = attrs.field(factory=list)
    endings: list[Ending] = attrs.field(factory=list)

    def heard(self, source: Endpoint, piece: Piece) -> None:
        self.pieces.append((source, piece))

    def ended(self, ending: Ending) -> None:
        self.endings.append(ending)

    def octets(self, peer: Peer) -> bytes:
        return b"".join(piece.data for end, piece in self.pieces if end == Endpoint(*peer))


def follow(scene: Scene, limits: Limits | None = None, *, deaf: bool = False) -> tuple[list[Ear], Findings]:
    limits = limits or Limits()
    ears: list[Ear] = []
    findings = Findings()

    def talk(connection: Connection) -> Ear:
        ears.append(Ear(connection, deaf))
        return ears[-1]

    connections = Connections(talk, findings, limits)

    class Both:
        tcp = connections.tcp

        def udp(self, *_: object) -> None: ...

    packets = Packets(Both(), findings, limits)
    for number, packet in enumerate(scene.packets, start=1):
        packets.take(Frame(number, packet.time, ETHERNET, packet.data, 0))
    connections.end()
    assert connections.count == len(ears)
    return ears, findings


def one(scene: Scene) -> Ear:
    [ear] = follow(scene)[0]
    return ear


def test_a_whole_connection(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.up(b"ask", b" more")
    talk.down(b"tell")
    talk.close()
    ear = one(scene)
    connection = ear.connection
    assert (connection.client, connection.server) == (Endpoint(*CALLER), Endpoint(*SERVER))
    assert (connection.opened, connection.accepted, connection.sure) == (scene.packets[0].time, True, True)
    assert (ear.octets(CALLER), ear.octets(SERVER)) == (b"ask more", b"tell")
    assert [(ending.side, ending.reset) for ending in ear.endings] == [("caller", False), ("server", False)]
    assert connection.endings == ear.endings
    assert str(connection.first_ending) == "the caller closed the connection"
    assert (connection.lost, connection.again) == (0, 0)


def test_ipv6(scene: Scene) -> None:
    scene.tcp(("2001:db8::1", 4000), ("2001:db8::2", 1554)).up(b"x")
    assert str(one(scene).connection.server) == "[2001:db8::2]:1554"


def test_without_handshake_the_lower_port_is_the_server(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    talk.down(b"event")
    talk.up(b"ok")
    connection = one(scene).connection
    assert (connection.client, connection.opened, connection.sure) == (Endpoint(*CALLER), None, False)
    connection.turn()
    assert connection.client == Endpoint(*SERVER)


def test_an_answered_handshake_is_enough(scene: Scene) -> None:
    talk = scene.tcp(SERVER, CALLER, handshake=False)
    talk.segment(False, b"", SYN | ACK)
    assert one(scene).connection.client == Endpoint(*SERVER)


def test_refused(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    talk.segment(True, b"", SYN)
    talk.reset(by="server")
    ear = one(scene)
    assert not ear.connection.accepted
    assert str(ear.connection.first_ending) == "the server reset the connection"


def test_never_accepted(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    for _ in range(3):
        talk.segment(True, b"", SYN)
        talk.sent[0] -= 1
    ear = one(scene)
    assert (ear.connection.accepted, ear.endings) == (False, [])


@pytest.mark.parametrize("closed", [True, False])
def test_ports_used_again_are_another_connection(scene: Scene, *, closed: bool) -> None:
    for number in range(2):
        talk = scene.tcp(CALLER, SERVER, handshake=False)
        talk.sent[0] += 1_000_000 * number
        talk.segment(True, b"", SYN)
        talk.segment(False, b"", SYN | ACK)
        talk.up(b"number %d" % number)
        if closed:
            talk.close()
            talk.segment(True)  # the last acknowledgement
    ears, _ = follow(scene)
    assert [ear.octets(CALLER) for ear in ears] == [b"number 0", b"number 1"]
    assert [ear.connection.number for ear in ears] == [1, 2]


def test_ports_used_again_the_other_way_round(scene: Scene) -> None:
    scene.tcp(CALLER, SERVER).reset()
    scene.tcp(SERVER, CALLER).up(b"x")
    ears, _ = follow(scene)
    assert [ear.connection.client.port for ear in ears] == [CALLER[1], SERVER[1]]
    assert ears[1].octets(SERVER) == b"x"


def test_a_reset_gives_out_what_was_held_back(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.segment(True, b"lost", captured=False)
    talk.up(b"late")
    talk.reset()
    talk.up(b"nothing counts behind it")
    ear = one(scene)
    assert [(piece.data, piece.lost) for _, piece in ear.pieces] == [(b"late", 4)]
    assert (ear.connection.lost, ear.endings[0].reset) == (4, True)


def test_acknowledged_octets_are_not_waited_for(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.segment(True, b"lost", captured=False)
    talk.up(b"here")
    talk.down(b"answer")  # acknowledges both
    scene.wait(0.05)
    talk.down(b"another")
    talk.up(b"more")
    ear = one(scene)
    assert [(piece.data, piece.lost) for _, piece in ear.pieces] == [
        (b"answer", 0),
        (b"here", 4),
        (b"another", 0),
        (b"more", 0),
    ]


def test_several_holes(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    for word in (b"one", b"two", b"three"):
        talk.segment(True, b"lost", captured=False)
        talk.up(word)
    talk.down(b"")
    talk.segment(False)
    scene.wait(0.1)
    scene.tcp(CALLER, ("198.51.100.2", 80)).up(b"any packet makes time pass")
    ear = follow(scene)[0][0]
    assert [(piece.data, piece.lost) for _, piece in ear.pieces] == [(b"one", 4), (b"two", 4), (b"three", 4)]


def test_a_hole_that_is_filled_in_time(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.segment(True, b"early", captured=False)
    talk.up(b"late")
    talk.segment(False)  # the acknowledgement was captured before the octets
    talk.sent[0] -= 9
    talk.up(b"early")
    scene.wait(0.1)
    talk.sent[0] += 4
    talk.up(b"more")
    ear = one(scene)
    assert ear.octets(CALLER) == b"earlylatemore"
    assert ear.connection.lost == 0


def test_octets_missing_at_the_end_are_told(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.segment(True, b"lost", captured=False)
    talk.segment(True, b"", FIN | ACK)
    ear = one(scene)
    assert [(piece.data, piece.lost) for _, piece in ear.pieces] == [(b"", 4)]
    assert ear.connection.lost == 4


def test_retransmissions_are_counted(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.up(b"ab")
    talk.sent[0] -= 2
    talk.up(b"ab")
    assert one(scene).connection.again == 1


def test_a_fin_sent_twice_is_one_end(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    for _ in range(2):
        talk.segment(True, b"", FIN | ACK)
        talk.sent[0] -= 1
    assert len(one(scene).endings) == 1


def test_the_deaf_hear_of_ends_only(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.up(b"x")
    talk.close()
    [ear], _ = follow(scene, deaf=True)
    assert (ear.pieces, len(ear.endings)) == ([], 2)


def test_segments_from_elsewhere_are_told(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER)
    talk.up(b"x")
    scene.add(ip(CALLER, SERVER, 6, tcp(CALLER, SERVER, talk.sent[0] + 2**30 + 9, b"?")))
    ears, findings = follow(scene)
    assert ears[0].octets(CALLER) == b"x"
    assert [finding.code for finding in findings.all()] == ["implausible-sequence"]


def test_connections_are_bounded(scene: Scene) -> None:
    """Those that have ended or sleep go first, then the older half."""
    for port in range(10):
        talk = scene.tcp((CALLER[0], 1000 + port), SERVER)
        talk.up(b"first")
        if port < 5:
            talk.close()
    ears, findings = follow(scene, Limits(connections=5))
    assert [ear.octets(ear_peer(ear)) for ear in ears] == [b"first"] * 10
    assert findings.all() == []
    ears, findings = follow(scene, Limits(connections=3))
    assert [finding.code for finding in findings.all()] == ["too-many-connections"]
    sleepers = Scene()
    for port in range(4):
        sleepers.tcp((CALLER[0], 1000 + port), SERVER)
        sleepers.wait(200)
    assert follow(sleepers, Limits(connections=3))[1].all() == []


def ear_peer(ear: Ear) -> Peer:
    return ear.connection.client.host, ear.connection.client.port

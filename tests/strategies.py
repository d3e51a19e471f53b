"""Every Hypothesis strategy, a section for each room."""

import itertools
from collections.abc import Iterator

import attrs
from hypothesis import strategies as st

from mrcpbalance.config import Address, BackendConfig, HealthConfig, PoolConfig
from mrcpbalance.pool import Want

# --- pool and sessions ---

RESOURCES = ("speechrecog", "speechsynth", "recorder")

resources = st.sampled_from(RESOURCES)

wants = st.builds(
    Want,
    protocol=st.sampled_from(("rtsp", "sip", "mrcp", "tcp")),
    resource=st.none() | resources,
    source=st.sampled_from(("192.0.2.1", "192.0.2.2", "2001:db8::1")),
)

# what happens to a backend, and how many seconds after the last
health_walks = st.lists(
    st.tuples(st.sampled_from(("failed", "answered", "tried", "left", "recall")), st.floats(0.0, 30.0)),
    max_size=60,
)


@st.composite
def pool_configs(draw: st.DrawFn) -> PoolConfig:
    """Draw a pool of one to four backends of every kind."""
    address = st.none() | st.just(Address("192.0.2.11", 1554))
    backend = st.builds(
        BackendConfig,
        name=st.just(""),
        rtsp=st.just(Address("192.0.2.11", 1554)),
        sip=address,
        mrcp=address,
        tcp=address,
        weight=st.integers(1, 5),
        max_sessions=st.one_of(
            st.none(), st.integers(1, 4), *2 * [st.dictionaries(resources, st.integers(1, 3), min_size=1)]
        ),
        resources=st.none() | st.frozensets(resources, min_size=1),
        standby=st.booleans(),
    )
    backends = [
        attrs.evolve(its, name=f"b{place}")
        for place, its in enumerate(draw(st.lists(backend, min_size=1, max_size=4)))
    ]
    return PoolConfig(
        name="speech",
        policy=draw(st.sampled_from(("least-sessions", "round-robin", "random-two", "source-hash", "first"))),
        health=HealthConfig(interval=5.0, fall=draw(st.integers(1, 3))),
        backends={its.name: its for its in backends},
    )


# --- octets in pieces, and RTSP ---


@st.composite
def pieces_of(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """Cut octets anywhere, as reads from a socket do."""
    cuts = sorted(draw(st.sets(st.integers(1, max(len(whole) - 1, 1)), max_size=12)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@st.composite
def mutated(draw: st.DrawFn, whole: bytes) -> bytes:
    """Damage octets in a few places: cut out, double, or put in what parsers stumble over."""
    out = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(out)))
        end = min(len(out), start + draw(st.integers(0, 5)))
        traps = (
            b"\r",
            b"\n",
            b"\r\n",
            b"\0",
            b" ",
            b"\t",
            b":",
            b",",
            b";",
            b"$",
            b"9",
            b"\xff",
            b"RTSP/1.0",
        )
        out[start:end] = draw(st.sampled_from((*traps, bytes(out[start:end]) * 2)))
    return bytes(out)


rtsp_texts = st.sampled_from(
    (b"RTP/AVP;unicast;client_port=4000-4001", b"umc/1.8", b"", b"caf\xc3\xa9", b"a: b")
)
rtsp_sessions = st.from_regex(rb"[0-9a-f]{16}|[!-+\--:<-~]{1,20}", fullmatch=True)
rtsp_names = st.sampled_from((b"Transport", b"user-agent", b"X-CSeq", b"CSeqs", b"Content-Type", b"Accept"))


@st.composite
def _rtsp_line(draw: st.DrawFn, name: bytes, value: bytes, *, plain: bool) -> bytes:
    """Write a header; unless plain, with any of the blanks, folds and line ends that peers use."""
    if plain:
        return b"%b: %b\r\n" % (name, value)
    before = draw(st.sampled_from((b"", b" ", b"  ", b"\t", b"\r\n ", b"\n\t")))
    after = draw(st.sampled_from((b"", b" ", b" \t", b"\r\n \t")))
    cased = draw(st.sampled_from((name, name.lower(), name.upper())))
    return b"%b:%b%b%b%b" % (cased, before, value, after, draw(st.sampled_from((b"\r\n", b"\n"))))


@attrs.frozen(kw_only=True)
class RtspExample:
    """A message and what must be read in it."""

    raw: bytes
    cseq: bytes | None
    session: bytes | None
    body: bytes


@st.composite
def rtsp_messages(draw: st.DrawFn, *, plain: bool = False) -> RtspExample:
    """Draw a request or response without fault; plain ones have the form that nearly every message has."""
    method = draw(st.sampled_from((b"SETUP", b"ANNOUNCE", b"X-new.method")))
    uri = draw(
        st.sampled_from((b"rtsp://192.0.2.50:554/media/speechrecognizer", b"rtsp://[2001:db8::1]/a/", b"*"))
    )
    status = draw(st.sampled_from((b"200 OK", b"404 Not Found", b"204 No Content")))
    start = draw(st.sampled_from((b"%b %b RTSP/1.0" % (method, uri), b"RTSP/1.0 %b" % status)))
    cseq = draw(st.from_regex(rb"[0-9]{1,19}", fullmatch=True))
    session = draw(st.none() | rtsp_sessions)
    body = b"" if start.endswith(b"No Content") else draw(st.binary(max_size=40))
    fields = draw(st.lists(st.tuples(rtsp_names, rtsp_texts), max_size=4))
    fields.insert(draw(st.integers(0, len(fields))), (b"CSeq", cseq))
    if session is not None:
        parameters = draw(st.sampled_from((b"", b";timeout=60", b" ; timeout=60")))
        fields.insert(draw(st.integers(0, len(fields))), (b"Session", session + parameters))
    if body or draw(st.booleans()):
        fields.insert(draw(st.integers(0, len(fields))), (b"Content-Length", b"%d" % len(body)))
    end = b"\r\n" if plain else draw(st.sampled_from((b"\r\n", b"\n")))
    lines = [draw(_rtsp_line(name, value, plain=plain)) for name, value in fields]
    return RtspExample(raw=start + end + b"".join(lines) + end + body, cseq=cseq, session=session, body=body)


# --- MRCPv2 ---

mrcpv2_channels = st.from_regex(
    rb"[0-9a-f]{2,32}@(speechrecog|speechsynth)|[!-~]{1,9}@[a-z]{1,9}", fullmatch=True
)
mrcpv2_states = st.sampled_from((b"COMPLETE", b"IN-PROGRESS", b"PENDING"))
mrcpv2_methods = st.sampled_from(
    (b"SPEAK", b"RECOGNIZE", b"SETUP", b"x-new.method", b"9X", b"START-OF-INPUT")
)
mrcpv2_names = st.sampled_from(
    (
        b"Content-Type",
        b"completion-cause",
        b"Vendor-Specific-Parameters",
        b"Content-Location",
        b"Cache-Control",
        b"Ch",
    )
)
mrcpv2_values = st.sampled_from(
    (b"", b"000 success", b"a=b;c=d", b"caf\xc3\xa9", b"a: b", b"x \t y", b"MRCP/2.0 9")
)
mrcpv2_bodies = st.binary(max_size=40) | st.sampled_from((b"\r\n\r\n", b"MRCP/2.0 8 X 1\r\n\r\n", b"x" * 300))


@attrs.frozen(kw_only=True)
class Mrcpv2Example:
    """A message and what must be read in it; `written` is its canonical form with exact lengths."""

    raw: bytes
    written: bytes
    channel: bytes
    request_id: int
    body: bytes


@st.composite
def mrcpv2_messages(draw: st.DrawFn, *, canonical: bool = False, exact: bool = True) -> Mrcpv2Example:
    """Draw a message without fault; canonical ones are forwarded as they come, others may have a wrong length."""
    channel, body = draw(mrcpv2_channels), draw(mrcpv2_bodies)
    request_id = draw(st.integers(1, 40) | st.integers(0, 2**32 - 1))
    state, method = draw(mrcpv2_states), draw(mrcpv2_methods)
    shapes = (
        (method, request_id),
        (method, request_id, state),
        (request_id, draw(st.integers(100, 999)), state),
    )
    start = [part if isinstance(part, bytes) else b"%d" % part for part in draw(st.sampled_from(shapes))]
    fields = draw(st.lists(st.tuples(mrcpv2_names, mrcpv2_values), max_size=4))
    name = draw(st.sampled_from((b"Channel-Identifier", b"channel-identifier", b"CHANNEL-identifier")))
    fields.insert(draw(st.integers(0, len(fields))), (name, channel))
    if body or draw(st.booleans()):
        fields.insert(draw(st.integers(0, len(fields))), (b"Content-Length", b"%d" % len(body)))
    section = b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"
    padding = 0 if canonical else draw(st.sampled_from((0, 0, 8)))
    written = _mrcpv2_sized([b"MRCP/2.0", *start], b"\r\n" + section + body, padding, off=0)
    if canonical:
        return Mrcpv2Example(raw=written, written=written, channel=channel, request_id=request_id, body=body)
    end = draw(st.sampled_from((b"\r\n", b"\n")))
    lines = [draw(_mrcpv2_line(*field)) for field in fields]
    gaps = [draw(st.sampled_from((b" ", b"  "))) for _ in start]
    spaced = [b"MRCP/2.0", *(part + gap for part, gap in zip(start, gaps, strict=True))]
    off = 0 if exact else draw(st.integers(-3, 9))
    raw = _mrcpv2_sized(spaced, end + b"".join(lines) + end + body, padding, off)
    return Mrcpv2Example(raw=raw, written=written, channel=channel, request_id=request_id, body=body)


def _mrcpv2_sized(start: list[bytes], rest: bytes, padding: int, off: int) -> bytes:
    """Put the message-length in, by trying every one, with zeros up to a width, and off by as much as asked."""
    version, *parts = start
    rest = b" ".join((b"", *parts)) + rest
    for size in itertools.count(len(rest)):
        if len(version) + 1 + max(padding, len(str(size))) + len(rest) == size:
            return b"%b %0*d%b" % (version, padding, max(size + off, 1), rest)
    raise AssertionError("every message has a length")


@st.composite
def _mrcpv2_line(draw: st.DrawFn, name: bytes, value: bytes) -> bytes:
    """Write a header with any of the blanks, folds and line ends that peers use."""
    before = draw(st.sampled_from((b"", b" ", b"  ", b"\t", b"\r\n ", b"\n \r\n\t")))
    after = draw(st.sampled_from((b"", b" ", b" \t", b"\r\n \t")))
    return b"%b:%b%b%b%b" % (name, before, value, after, draw(st.sampled_from((b"\r\n", b"\n"))))


# --- SIP messages ---

sip_tokens = st.from_regex(rb"[a-zA-Z0-9.!%*_+`'~-]{1,12}", fullmatch=True)
sip_hosts = st.sampled_from((b"192.0.2.10", b"[2001:db8::1]", b"example.com", b"my_host", b"192.0.2.10:5060"))
sip_uris = st.sampled_from(
    (b"sip:umc@192.0.2.10:8062", b"Sip:a:b@[2001:db8::1]:5060;transport=udp;lr", b"sips:h", b"tel:+1-23")
)
sip_names = st.sampled_from((b"User-Agent", b"allow", b"X-New.Header", b"s", b"Session-Expires", b"Vias"))
sip_texts = st.sampled_from((b"UniMRCP SofiaSIP 1.8.0", b"", b"caf\xc3\xa9", b"a, b;c", b"a: <b", b'";,'))
# names differ, as they must
sip_parameters = st.lists(
    st.sampled_from(
        (b";x", b";X-y=", b";lr=1", b';q="a;b,<\\"c>"', b";maddr=[2001:db8::1]:5060", b";%z*=caf\xc3\xa9")
    ),
    max_size=3,
    unique=True,
).map(b"".join)


@st.composite
def sip_vias(draw: st.DrawFn) -> bytes:
    """Draw one value of a Via header."""
    transport = draw(st.sampled_from((b"UDP", b"TCP", b"tls", b"X.Y")))
    branch = draw(st.sampled_from((b"", b";branch=z9hG4bK1", b";rport;branch=z9hg4bk.2", b";BRANCH=3")))
    return b"SIP/2.0/%b %b%b%b" % (transport, draw(sip_hosts), draw(sip_parameters), branch)


@st.composite
def sip_addresses(draw: st.DrawFn) -> bytes:
    """Draw an address as From, To and Contact have it."""
    bare = draw(st.booleans())
    uri = draw(st.sampled_from((b"sip:a@example.com", b"isbn:2983792873")) if bare else sip_uris)
    display = draw(st.sampled_from((b"", b"A. Bell ", b'"a \\"<b>, c;tag=x" ', b"\xc3\xa9")))
    return (uri if bare else b"%b<%b>" % (display, uri)) + draw(sip_parameters)


@st.composite
def _sip_line(draw: st.DrawFn, name: bytes, value: bytes, *, plain: bool) -> bytes:
    """Write a header; unless plain, with any of the blanks, folds and line ends that peers use."""
    if plain:
        return b"%b: %b\r\n" % (name, value)
    before = draw(st.sampled_from((b"", b" ", b"  ", b"\t", b"\r\n ", b"\n \r\n\t")))
    after = draw(st.sampled_from((b"", b" ", b" \t", b"\r\n \t")))
    cased = draw(st.sampled_from((name, name.lower(), name.upper() + b" ", name.title() + b"\t")))
    return b"%b:%b%b%b%b" % (cased, before, value, after, draw(st.sampled_from((b"\r\n", b"\n"))))


@attrs.frozen(kw_only=True)
class SipExample:
    """A message and what must be read in it."""

    raw: bytes
    facts: dict[str, object]


@st.composite
def sip_messages(draw: st.DrawFn, *, plain: bool = False) -> SipExample:
    """Draw a request or response without fault; plain ones leave as they came."""
    method, number, uri = draw(sip_tokens), draw(st.integers(0, 2**31 - 1)), draw(sip_uris)
    status = draw(st.integers(100, 699))
    request, response = b"%b %b SIP/2.0" % (method, uri), b"SIP/2.0 %d caf\xc3\xa9 SIP/2.0" % status
    start = draw(st.sampled_from((request, response)))
    call_id, body = draw(st.from_regex(rb"[!-~]{1,20}", fullmatch=True)), draw(st.binary(max_size=40))
    facts: dict[str, object] = {"cseq": (number, method), "call_id": call_id, "body": body}
    facts |= {"method": method, "uri": uri} if start is request else {"status": status}
    fields = [
        *((b"Via", draw(sip_vias())) for _ in range(draw(st.integers(1, 3)))),
        (draw(st.sampled_from((b"From", b"f"))), draw(sip_addresses()) + b";tag=a1"),
        (draw(st.sampled_from((b"To", b"t"))), draw(sip_addresses())),
        (draw(st.sampled_from((b"Call-ID", b"i"))), call_id),
        (b"CSeq", b"%d %b" % (number, method)),
        *draw(st.lists(st.tuples(sip_names, sip_texts), max_size=3)),
    ]
    if draw(st.booleans()):
        fields.append((b"Max-Forwards", b"70"))
        facts["max_forwards"] = 70
    fields = draw(st.permutations(fields))
    fields.append((draw(st.sampled_from((b"Content-Length", b"l"))), b"%d" % len(body)))
    end = b"\r\n" if plain else draw(st.sampled_from((b"\r\n", b"\n")))
    lines = [draw(_sip_line(name, value, plain=plain)) for name, value in fields]
    return SipExample(raw=start + end + b"".join(lines) + end + body, facts=facts)


# --- config ---

_HOST_NAMES = st.from_regex(r"[a-z_]([a-z0-9_-]{0,20}[a-z0-9])?(\.[a-z][a-z0-9]{0,5})?", fullmatch=True)

# written as the configuration writes them; localhost and loopback may come up, wildcards may not
addresses = st.builds(
    Address,
    host=st.one_of(
        st.ip_addresses(v=4).filter(lambda ip: not ip.is_unspecified).map(str),
        st.ip_addresses(v=6, network="2000::/3").map(str),
        _HOST_NAMES,
    ),
    port=st.integers(1, 65_535),
)

_TOML_GAPS = st.sampled_from(("", " ", "\t", "\n", "\r\n  ", ' # ] } "\n', "\n\n# '''\n "))
_TOML_BLANKS = st.sampled_from(("", " ", " \t"))
_TOML_KEYS = st.sampled_from(
    ("a", "b-1", "7", '"a"', "'a'", '"b.c"', '"\\u0061"', "'# ]'", '"q\\"t"', '""', '"=\\\\"')
)
# {} is a number that no other value of the document has
_TOML_SCALARS = st.sampled_from(
    (
        "{}",
        "{}.25e-7",
        "-{}",
        "2024-02-03 04:05:06.{}",
        "2024-02-03T04:05:06.{}Z",
        '"{} # ]}} \\" \\\\"',
        "'{} \\ \"'",
        '"""{} " "" \\""" ]\n# \\\n   }}"""',
        '"""{}"""""',
        "'''{} ' '' ]\n[x]\n\\'''",
        "'''{}'''''",
    )
)


@attrs.define
class _TomlWriter:
    draw: st.DrawFn
    numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(100_001))

    def document(self) -> str:
        ends = st.sampled_from(("\n", "\r\n", " # comment\n", "\n\n"))
        statements = (
            self.header() if self.draw(st.booleans()) else self.pair(2)
            for _ in range(self.draw(st.integers(0, 9)))
        )
        return "".join(statement + self.draw(ends) for statement in statements)

    def header(self) -> str:
        opening, closing = self.draw(st.sampled_from((("[", "]"), ("[[", "]]"))))
        return f"{opening}{self.key()}{closing}"

    def key(self) -> str:
        parts = self.draw(st.lists(_TOML_KEYS, min_size=1, max_size=3))
        return ".".join(self.draw(_TOML_BLANKS) + part + self.draw(_TOML_BLANKS) for part in parts)

    def pair(self, depth: int) -> str:
        return f"{self.key()}={self.draw(_TOML_BLANKS)}{self.value(depth)}"

    def value(self, depth: int) -> str:
        kind = self.draw(st.sampled_from(("scalar", "scalar", "array", "table"))) if depth else "scalar"
        if kind == "scalar":
            return self.draw(_TOML_SCALARS).format(next(self.numbers))
        count = self.draw(st.integers(0, 3))
        if kind == "table":
            pairs = [self.pair(depth - 1) for _ in range(count)]
            return "{ " + ", ".join(pairs) + " }"
        items = [
            f"{self.draw(_TOML_GAPS)}{self.value(depth - 1)}{self.draw(_TOML_GAPS)}" for _ in range(count)
        ]
        comma = self.draw(st.booleans())
        last = "," if items and comma else ""
        return f"[{','.join(items)}{last}{self.draw(_TOML_GAPS)}]"


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    """Draw what is mostly a TOML document, in every notation; some keys clash. Each scalar holds its own number from 100,001."""
    return _TomlWriter(draw).document()

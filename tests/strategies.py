"""Every Hypothesis strategy, a section for each room."""

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
        max_sessions=st.none() | st.integers(1, 4) | st.dictionaries(resources, st.integers(1, 3)),
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

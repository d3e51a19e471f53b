"""Which pool a session goes to: each condition by itself, several together, the first entry that fits."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import Address, ListenerConfig, MatchConfig, Pattern, PoolConfig
from mrcpbalance.pool import Pool
from mrcpbalance.sessions import Asked, Routes

HERE: Final = "192.0.2.9"
POOLS: Final = {
    name: Pool(
        PoolConfig(name=name, resource_names={"asr": "speechrecog"} if name == "german" else {}), lambda: 0.0
    )
    for name in ("speech", "german", "other")
}


def routes(*matches: MatchConfig) -> Routes:
    bind = (Address("192.0.2.1", 1),)
    listener = ListenerConfig(name="l", protocol="auto", bind=bind, pool="speech", match=matches)
    return Routes.of(listener, POOLS)


def entry(pool: str = "german", **conditions: object) -> MatchConfig:
    """Write an entry; texts are patterns where the key takes one."""
    for key in ("path", "user"):
        if key in conditions:
            conditions[key] = Pattern(str(conditions[key]))
    features = conditions.get("accept_contact")
    if isinstance(features, dict):
        conditions["accept_contact"] = {name: Pattern(value) for name, value in features.items()}
    return MatchConfig(pool=pool, **conditions)  # type: ignore[arg-type]


LANGUAGE: Final = entry(accept_contact={"language": "de*"})
FITS: Final[dict[str, tuple[MatchConfig, Asked, bool]]] = {
    "path": (entry(path="/de/*"), Asked(source=HERE, path="/de/x"), True),
    "another path": (entry(path="/de/*"), Asked(source=HERE, path="/en/x"), False),
    "a path where there is none": (entry(path="*"), Asked(source=HERE), False),
    "user": (entry(user="de-*"), Asked(source=HERE, user="de-1"), True),
    "any user, the empty one too": (entry(user="*"), Asked(source=HERE, user=""), True),
    "a user where there is none": (entry(user="*"), Asked(source=HERE), False),
    "resource": (entry(resource="speechrecog"), Asked(source=HERE, resources=("x", "speechrecog")), True),
    "another resource": (entry(resource="speechrecog"), Asked(source=HERE, resources=("x",)), False),
    "no resource": (entry(resource="speechrecog"), Asked(source=HERE), False),
    "RTSP's name": (entry(resource="speechrecog"), Asked(source=HERE, segment="speechrecognizer"), True),
    "the pool's own name": (entry(resource="speechrecog"), Asked(source=HERE, segment="ASR"), True),
    "another pool's own name": (
        entry("other", resource="speechrecog"),
        Asked(source=HERE, segment="asr"),
        False,
    ),
    "source": (entry(source="192.0.2.0/24"), Asked(source=HERE), True),
    "one address": (entry(source="192.0.2.9/32"), Asked(source=HERE), True),
    "another source": (entry(source="198.51.100.0/24"), Asked(source=HERE), False),
    "another family": (entry(source="::/0"), Asked(source=HERE), False),
    "IPv6": (entry(source="2001:db8::/32"), Asked(source="2001:db8::7%eth0"), True),
    "no address": (entry(source="0.0.0.0/0"), Asked(source=""), False),
    "feature": (LANGUAGE, Asked(source=HERE, features=[{"language": "de"}]), True),
    "one of its values": (LANGUAGE, Asked(source=HERE, features=[{"language": "en, de-AT"}]), True),
    "another value": (LANGUAGE, Asked(source=HERE, features=[{"language": "en,nde"}]), False),
    "another feature": (LANGUAGE, Asked(source=HERE, features=[{"lang": "de"}]), False),
    "no feature": (LANGUAGE, Asked(source=HERE), False),
    "one of several Accept-Contact": (LANGUAGE, Asked(source=HERE, features=[{}, {"language": "de"}]), True),
    "two features": (
        entry(accept_contact={"language": "de", "audio": "true"}),
        Asked(source=HERE, features=[{"language": "de", "audio": "TRUE"}]),
        True,
    ),
    "two features in two places": (
        entry(accept_contact={"language": "de", "audio": "true"}),
        Asked(source=HERE, features=[{"language": "de"}, {"audio": "TRUE"}]),
        False,
    ),
}


@pytest.mark.parametrize(("match", "asked", "fits"), FITS.values(), ids=FITS)
def test_fits(match: MatchConfig, asked: Asked, *, fits: bool) -> None:
    assert (routes(match).choose(asked).pool.name == match.pool) is fits


def test_what_fits_nothing_goes_to_the_pool_of_the_listener() -> None:
    route = routes(entry(path="/de/*")).choose(Asked(source=HERE))
    assert (route.pool, route.by) == (POOLS["speech"], "listeners.l.pool")


def test_the_first_that_fits_wins() -> None:
    table = routes(entry(path="/de/x"), entry("other", path="/de/*"), entry(path="*"))
    chosen = [table.choose(Asked(source=HERE, path=path)) for path in ("/de/x", "/de/y", "/")]
    assert [(route.pool.name, route.by) for route in chosen] == [
        ("german", "listeners.l.match[0]"),
        ("other", "listeners.l.match[1]"),
        ("german", "listeners.l.match[2]"),
    ]


CONDITIONS: Final[dict[str, tuple[object, dict[str, object]]]] = {
    "path": ("/de/*", {"path": "/de/x"}),
    "user": ("de-*", {"user": "de-1"}),
    "resource": ("speechsynth", {"resources": ("speechsynth",)}),
    "source": ("192.0.2.0/24", {"source": HERE}),
    "accept_contact": ({"language": "de"}, {"features": [{"language": "de"}]}),
}
SOME: Final = st.sets(st.sampled_from(sorted(CONDITIONS)))


@given(SOME.filter(bool), SOME)
def test_all_conditions_must_hold_and_no_other_matters(wanted: set[str], said: set[str]) -> None:
    match = entry(**{key: CONDITIONS[key][0] for key in wanted})  # type: ignore[arg-type]
    asked: dict[str, object] = {"source": "203.0.113.1"}
    for key in said:
        asked |= CONDITIONS[key][1]
    chosen = routes(match).choose(Asked(**asked))  # type: ignore[arg-type]
    assert (chosen.pool.name == "german") is (wanted <= said)

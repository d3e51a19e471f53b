"""Who may come: addresses inside the networks of a listener."""

import pytest

from mrcpbalance.proxy.guests import REMEMBERED, Guests


@pytest.mark.parametrize(
    ("networks", "host", "allowed"),
    [
        (None, "203.0.113.9", True),
        (("192.0.2.0/24",), "192.0.2.77", True),
        (("192.0.2.0/24",), "192.0.3.1", False),
        (("192.0.2.7/32", "2001:db8::/32"), "2001:db8::1", True),
        (("192.0.2.7/32",), "2001:db8::1", False),
        (("fe80::/10",), "fe80::1%eth0", True),
    ],
)
def test_verdicts(networks: tuple[str, ...] | None, host: str, allowed: bool) -> None:
    guests = Guests(networks)
    assert [guests.allow(host), guests.allow(host)] == [allowed, allowed]


def test_what_is_remembered_is_bounded() -> None:
    guests = Guests(("10.0.0.0/8",))
    for number in range(REMEMBERED + 10):
        assert guests.allow(f"10.0.{number >> 8}.{number & 255}")
    assert len(guests._known) <= REMEMBERED

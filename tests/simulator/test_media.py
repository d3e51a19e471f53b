"""Audio that simulated servers offer to take."""

from itertools import islice

from mrcpbalance.simulator.servers import _media


def test_ports_leave_out_what_serves_something_else() -> None:
    """Audio of the thirtieth call came to the SIP port 5060, and counted as errors of callers."""
    dealt = list(islice(_media.ports(besides=5060), 40))
    assert dealt == [port for port in range(5000, 5082, 2) if port != 5060]

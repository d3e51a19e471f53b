"""Medians, pairwise ratios and verdicts."""

import pytest

from bench.rows import ROWS, Figure, Row, Sample
from bench.table import Spread, absolute, comparison, detail, relative, spread, verdict

CPU = Figure(name="CPU", unit="µs", of=lambda s: s.cpu, good=1.5, goal=1.0)
P50 = Figure(name="p50", unit="µs", of=lambda s: s.p50, good=10, goal=0, compare="difference")
SPEED = Figure(name="speed", unit="GB", of=lambda s: s.rate, good=0.8, goal=1.0, more_is_better=True)
ROW = Row(name="row", front="tcp", load=(), figures=(CPU, P50))


def cpu(*values: float) -> list[Sample]:
    return [Sample(cpu=value) for value in values]


def test_spread() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)
    assert spread([]) is None


def test_absolute_leaves_out_what_does_not_apply() -> None:
    assert absolute(CPU, [*cpu(2, 4), Sample()]) == Spread(3, 2, 4)


def test_ratios_are_pairwise() -> None:
    # The median of the ratios (1.5) is not the ratio of the medians (4 / 2).
    assert relative(CPU, cpu(1.5, 4, 9), cpu(1, 2, 9)) == Spread(1.5, 1, 2)


def test_differences_are_pairwise() -> None:
    mine = [Sample(p50=value) for value in (50, 60)]
    base = [Sample(p50=value) for value in (52, 51)]
    assert relative(P50, mine, base) == Spread(3.5, -2, 9)


@pytest.mark.parametrize(
    ("mine", "base"), [([], cpu(1)), (cpu(1), []), (cpu(1), [Sample()]), (cpu(1), cpu(0))]
)
def test_nothing_to_compare(mine: list[Sample], base: list[Sample]) -> None:
    assert relative(CPU, mine, base) is None


def test_a_round_that_one_of_two_missed_does_not_count() -> None:
    assert relative(CPU, cpu(2), cpu(1, 1, 1)) == Spread(2, 2, 2)


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        (CPU, 1.0, "goal"),
        (CPU, 1.5, "good"),
        (CPU, 1.51, "MISSED"),
        (P50, -3, "goal"),
        (P50, 10, "good"),
        (SPEED, 1.2, "goal"),
        (SPEED, 0.9, "good"),
        (SPEED, 0.7, "MISSED"),
        (Figure(name="p99", unit="µs", of=lambda s: s.p99), 5, ""),
    ],
)
def test_verdict(figure: Figure, value: float, said: str) -> None:
    assert verdict(figure, value) == said


def test_comparison_judges_our_own_only() -> None:
    samples = {"haproxy": cpu(10, 10), "nginx": cpu(20, 20), "mine": cpu(12, 16)}
    lines = comparison({ROW: samples}, list(samples), "haproxy", ["mine"]).splitlines()
    assert lines[0].split() == ["haproxy", "nginx", "mine", "good", "goal"]
    assert "2.00 (2.00 to 2.00)  1.40 (1.20 to 1.60) good" in lines[1]
    assert lines[2].split() == ["p50", "-", "-", "-", "+10", "µs", "+0", "µs"]


def test_a_row_with_a_base_of_its_own_and_one_with_nobody_to_compare_with() -> None:
    own = Row(name="own", front="sip", load=(), figures=(CPU,), base="direct")
    alone = Row(name="alone", front="sip", load=(), figures=(CPU,))
    results = {own: {"direct": cpu(10), "mine": cpu(12)}, alone: {"mine": cpu(7)}}
    lines = comparison(results, ["haproxy", "mine"], "haproxy", ["mine"]).splitlines()
    assert "direct: 10 µs  1.20 (1.20 to 1.20) good" in lines[1]
    assert lines[2].split() == ["CPU", "-", "7", "µs", "1.5", "1.0"]


def test_detail_shows_who_was_busy() -> None:
    some = [Sample(cpu=2, rate=5000, proxy_busy=0.99, load_busy=0.5)]
    line = detail({ROW: {"mine": some}}).splitlines()[1]
    assert line.split() == ["row", "mine", "2", "2", "2", "µs", "5,000", "99%", "50%"]


def test_every_row_has_a_name_of_its_own_and_figures() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.figures for row in ROWS)

"""From samples to the table: medians, pairwise ratios, and how they are printed."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from bench.rows import NOT_MEASURED, Figure, Row, Sample

Samples = Mapping[str, Sequence[Sample]]  # of each proxy, in the order of the rounds


@attrs.frozen
class Spread:
    """The middle and the ends of some values."""

    median: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread | None:
    """Sum up values; None when there are none."""
    known = list(values)
    return Spread(statistics.median(known), min(known), max(known)) if known else None


def absolute(figure: Figure, samples: Sequence[Sample]) -> Spread | None:
    """Sum up a figure in its own unit."""
    return spread(value for sample in samples if (value := figure.of(sample)) is not None)


def relative(figure: Figure, samples: Sequence[Sample], base: Sequence[Sample]) -> Spread | None:
    """Compare round by round with another proxy in the same round, then sum up."""
    pairs = ((figure.of(one), figure.of(other)) for one, other in zip(samples, base, strict=False))
    known = [(one, other) for one, other in pairs if one is not None and other]
    if figure.compare == "difference":
        return spread(one - other for one, other in known)
    return spread(one / other for one, other in known)


def verdict(figure: Figure, value: float) -> str:
    """Say which limit a figure reaches."""
    sign = -1 if figure.more_is_better else 1
    if figure.goal is not None and value * sign <= figure.goal * sign:
        return "goal"
    if figure.good is not None and value * sign <= figure.good * sign:
        return "good"
    return "" if figure.good is None else "MISSED"


def comparison(results: Mapping[Row, Samples], names: Sequence[str], base: str, judged: Sequence[str]) -> str:
    """Print the table of goals: the base in its unit, the others against it; some of them are judged."""
    others = [name for name in names if name != base]
    head = ["", base, *others, "good", "goal"]
    lines = [head]
    for row, samples in results.items():
        beside = samples.get(row.base or base, ())
        for figure in row.figures:
            line = [figure.name, _base(row, figure, beside)]
            for name in others:
                found = relative(figure, samples.get(name, ()), beside)
                alone = "-" if beside else _own(figure, samples.get(name, ()))
                line.append(_compared(figure, found, judge=name in judged) if found else alone)
            lines.append([*line, _limit(figure, figure.good), _limit(figure, figure.goal)])
    note = f"Against {base}: median of the differences or ratios of each round, their least and most."
    unmeasured = "".join(f"\n  not measured: {what}" for what in NOT_MEASURED)
    return f"{_aligned(lines)}\n{note}{unmeasured}"


def _base(row: Row, figure: Figure, samples: Sequence[Sample]) -> str:
    return f"{row.base}: {_own(figure, samples)}" if row.base and samples else _own(figure, samples)


def _own(figure: Figure, samples: Sequence[Sample]) -> str:
    mine = absolute(figure, samples)
    return f"{_number(mine.median)} {figure.unit}" if mine else "-"


def _compared(figure: Figure, found: Spread, *, judge: bool) -> str:
    form = "{:+.1f}" if figure.compare == "difference" else "{:.2f}"
    middle, least, most = (form.format(value) for value in (found.median, found.least, found.most))
    return f"{middle} ({least} to {most}) {verdict(figure, found.median) if judge else ''}".rstrip()


def _limit(figure: Figure, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:+.0f} µs" if figure.compare == "difference" else f"{value:.1f}"


def detail(results: Mapping[Row, Samples]) -> str:
    """Print every figure in its own unit, and how busy proxy and load kept their cores."""
    lines = [["", "proxy", "median", "least", "most", "unit", "a second", "proxy's core", "load's core"]]
    for row, samples in results.items():
        for name in samples:
            for figure in row.figures:
                lines += _details(row, name, figure, samples.get(name, ()))
    return _aligned(lines)


def _details(row: Row, name: str, figure: Figure, samples: Sequence[Sample]) -> list[list[str]]:
    found = absolute(figure, samples)
    rate = spread(s.rate for s in samples if s.rate is not None)
    if found is None and rate is None:
        return []
    values = [_number(value) for value in attrs.astuple(found)] if found else ["-"] * 3
    busy = [_percent(spread(share for s in samples if (share := get(s)) is not None)) for get in _SHARES]
    return [[row.name, name, *values, figure.unit, _number(rate.median) if rate else "", *busy]]


_SHARES: tuple[Callable[[Sample], float | None], ...] = (lambda s: s.proxy_busy, lambda s: s.load_busy)


def _percent(share: Spread | None) -> str:
    return f"{share.median:.0%}" if share else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )

"""What a run found, for people and for programs."""

import attrs

from bench import machine, table
from bench.campaign import Campaign
from bench.proxies import Mrcpbalance


def text(campaign: Campaign, about: dict[str, str], base: str) -> str:
    """Write it for people: the machine, the table of goals, every figure, what failed."""
    names = [kind.name for kind in campaign.kinds]
    own = [kind.name for kind in campaign.kinds if isinstance(kind, Mrcpbalance)]
    width = max(map(len, about))
    parts = [
        "\n".join(f"{name:<{width}}  {what}" for name, what in about.items()),
        table.comparison(campaign.samples, names, base, own),
        table.detail(campaign.samples),
        *(["\n".join(["Failed:", *_failures(campaign)])] if campaign.errors else []),
    ]
    return "\n\n".join(parts)


def _failures(campaign: Campaign) -> list[str]:
    lines = (what.partition("\n")[0] for what in campaign.errors.values())
    return [f"  {row}, {name}: {line}" for (row, name), line in zip(campaign.errors, lines, strict=True)]


def data(campaign: Campaign, about: dict[str, str], base: str) -> dict[str, object]:
    """Write it for programs: every figure with its spread, and every sample."""
    return {
        "about": about,
        "timing": attrs.asdict(campaign.timing),
        "manner": attrs.asdict(campaign.manner),
        "base": base,
        "figures": _figures(campaign, base),
        "samples": {
            row.name: {name: [attrs.asdict(one) for one in some] for name, some in samples.items()}
            for row, samples in campaign.samples.items()
        },
        "errors": [
            {"row": row, "proxy": name, "error": what} for (row, name), what in campaign.errors.items()
        ],
    }


def _figures(campaign: Campaign, base: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for row, samples in campaign.samples.items():
        for figure in row.figures:
            for name, some in samples.items():
                own = table.absolute(figure, some)
                against = table.relative(figure, some, samples.get(row.base or base, ()))
                found.append(
                    {
                        "row": row.name,
                        "figure": figure.name,
                        "proxy": name,
                        "unit": figure.unit,
                        "value": attrs.asdict(own) if own else None,
                        figure.compare: attrs.asdict(against) if against else None,
                        "good": figure.good,
                        "goal": figure.goal,
                    }
                )
    return found


def pinning(*, worked: bool) -> str:
    """Say which core did what."""
    if worked:
        return f"proxy on core {machine.PROXY_CORE}, generator and backend on core {machine.LOAD_CORE}"
    return "DID NOT WORK: proxy and load may share a core, the figures are not comparable"

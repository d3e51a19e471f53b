"""The examples for Prometheus and Grafana ask only for metrics and labels that there are."""

import json
import re
from pathlib import Path

from mrcpbalance.observe.openapi import describe
from mrcpbalance.sessions import End, Phase, Who
from tests.observe.admin_stage import AdminStage

METRIC = re.compile(r"mrcpbalance_[a-z_]+")


def read(file: str) -> str:
    return (Path(__file__).parents[2] / file).read_text()


async def exposed() -> set[str]:
    """Give every name that a scrape has once everything happened."""
    stage = AdminStage()
    session = stage.session(backend="asr-1", attempts=2)
    session.first_pool = "other"
    stage.end(session, Who.CLIENT, Phase.TEARDOWN)
    stage.tally.count("code")
    meter = stage.meters.of("speech", "asr-1", "mrcpv1")
    meter.done(b"RECOGNIZE", 1.0)
    meter.completed(b"000 success")
    text = (await stage.get("/metrics")).body.decode()
    return {match[0] for line in text.splitlines() if (match := METRIC.match(line))}


async def test_dashboard_and_rules() -> None:
    dashboard, rules = read("examples/grafana-dashboard.json"), read("examples/prometheus-alerts.yml")
    names = await exposed()
    queries = [query["expr"] for panel in json.loads(dashboard)["panels"] for query in panel["targets"]]
    for text in ("\n".join(queries), rules):
        asked = set(METRIC.findall(text))
        assert len(asked) > 4
        assert asked - names == set()


async def test_the_reference_has_every_metric_and_no_other() -> None:
    told = set(METRIC.findall(read("docs/reference/metrics.md")))
    names = {re.sub("_(bucket|count|sum)$", "", name) for name in await exposed()}
    assert told == names


def test_the_reference_has_every_address() -> None:
    told = read("docs/reference/admin.md")
    paths = describe("")["paths"]
    assert isinstance(paths, dict)
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert f"`{method.upper()} {path}`" in told
            named = [one["name"] for one in operation["parameters"] if one["in"] == "query"]
            assert [name for name in named if f"`{name}`" not in told and f"`{name}=" not in told] == [], path


def test_the_reference_has_every_end() -> None:
    """Each cause that a session can end for has its row: what happened, and what to do."""
    rows = [line.strip("|").split("|") for line in read("docs/reference/log.md").splitlines() if "|" in line]
    told = [row[0].strip(" `") for row in rows if re.fullmatch(r" `[a-z]+/[a-z]+` ", row[0])]
    assert told == [str(End(who, phase)) for who in Who for phase in Phase]
    assert all(len(row) == 3 and all(map(str.strip, row)) for row in rows if row[0].strip(" `") in told)

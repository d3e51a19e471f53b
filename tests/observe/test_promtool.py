"""What Prometheus' own tool says of the metrics, the alert rules and the dashboard's queries."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
import trio

from mrcpbalance.sessions import Phase, Who
from tests import peers
from tests.observe.admin_stage import AdminStage

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
ALERTS: Final = EXAMPLES / "prometheus-alerts.yml"
TESTS: Final = Path(__file__).with_name("alerts.test.yml")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(
        [peers.need("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_must_and_only_then(tmp_path: Path) -> None:
    for file in (ALERTS, TESTS):
        shutil.copy(file, tmp_path)
    promtool("check", "rules", tmp_path / ALERTS.name)
    promtool("test", "rules", tmp_path / TESTS.name)


def test_each_alert_is_tested() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS.read_text()))
    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n", TESTS.read_text()))
    assert fired == alerts
    assert len(alerts) > 5


def test_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    queries = [query["expr"] for panel in dashboard["panels"] for query in panel["targets"]]
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m").replace("$pool", ".*")}
        for number, query in enumerate(queries)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
    promtool("check", "rules", "--lint=none", file)


@pytest.mark.real_time
async def test_the_metrics() -> None:
    """Form, names and units are as Prometheus wants them."""
    program = peers.need("promtool")
    stage = AdminStage()
    stage.end(stage.session(), Who.CLIENT, Phase.TEARDOWN)
    stage.tally.count("rtsp.no-cseq", "R-09")
    meter = stage.meters.of("speech", "asr-1", "mrcpv1")
    meter.done(b"RECOGNIZE", 1.0)
    meter.completed(b"000 success")
    text = (await stage.get("/metrics")).body
    done = await trio.run_process(
        [program, "check", "metrics"], stdin=text, capture_stdout=True, capture_stderr=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

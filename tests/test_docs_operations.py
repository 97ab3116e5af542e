"""docs/operations.md and what it speaks of keep what they say: commands, settings, metrics, alerts, image, unit."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from flowbot.config import Settings
from flowbot.domain.change import ChangeState
from flowbot.observability.metrics import Metrics
from flowbot.observability.prometheus import PrometheusExporter
from flowbot.services.ports.statistics import ChangeStatistics
from tests.test_docs import all_commands, table_rows

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS: Final = (ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8")
DASHBOARD: Final = json.loads((ROOT / "deploy" / "dashboard.json").read_text(encoding="utf-8"))
EXPRESSIONS: Final = [
    *(rule["expr"] for group in yaml.safe_load(ALERTS)["groups"] for rule in group["rules"]),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
]
"""Every PromQL expression of `deploy`."""
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FOREIGN: Final = frozenset({"PGPASSWORD"})

Known = dict[str, frozenset[str]]


def section(heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


@pytest.fixture
async def known_metrics() -> Known:
    """Return every metric that a scrape may hold, with its labels."""
    metrics = Metrics()
    metrics.watch_connection(lambda: True)
    metrics.watch_unreadable(lambda: 0)

    async def read() -> ChangeStatistics:
        return ChangeStatistics(dict.fromkeys(ChangeState, 0), None, None, 0, None, {"changes": 0})

    exporter = PrometheusExporter(metrics, read, lambda: datetime.now(UTC))
    text = (await exporter.render()).decode()
    await exporter.close()
    found: Known = {}
    for collector in metrics.registry._collector_to_names:
        (name,) = {each.name for each in collector.collect()}
        labels = frozenset(getattr(collector, "_labelnames", ()))
        is_counter = type(collector).__name__ == "Counter"
        found[f"{name}_total" if is_counter else name] = labels
    for family in text_string_to_metric_families(text):
        if family.name not in found and family.type == "gauge" and not family.name.endswith("_created"):
            found[family.name] = frozenset(label for sample in family.samples for label in sample.labels)
    return found


def test_every_command_of_the_page_is_one() -> None:
    commands = all_commands()
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    texts = [" ".join(text.split()) for text in re.findall(r"`([^`]*)`", prose)]
    texts += re.findall(r"^docker .*$", PAGE, re.MULTILINE)
    found = [re.finditer(r"(?:^|[ \"])(flowbot (?!flowbot )[a-z]+(?: [a-z]+)?)", text) for text in texts]
    named = {match[1] for matches in found for match in matches}
    assert {"flowbot migrate", "flowbot policy export"} <= named
    for text in named:
        assert any(f"{text} ".startswith(f"{command} ") for command in commands), text
    assert "flowbot --version" in PAGE


def test_every_setting_of_the_page_is_one() -> None:
    named = set(re.findall(r"`\"?\$?([A-Z]{2,}[A-Z_]*)(?:=[^`]*)?\"?`", PAGE)) - FOREIGN
    assert {"DATABASE_URL", "LOG_LEVEL", "SLACK_BOT_TOKEN", "ENKAPUSH_API_KEY"} <= named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_page_names_every_metric_with_its_labels_and_no_other(known_metrics: Known) -> None:
    cells = [
        code
        for row in table_rows(section("Watch it"))
        for code in re.findall(r"`(flowbot_\w+(?:\{[a-z,]+\})?)`", row[0])
    ]
    told = {
        cell.partition("{")[0]: frozenset(filter(None, cell.rstrip("}").partition("{")[2].split(","))) for cell in cells
    }
    assert told == known_metrics


def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_there_are(known_metrics: Known) -> None:
    assert len(EXPRESSIONS) > 30
    for expression in EXPRESSIONS:
        named = [_strip_suffix(name) for name in re.findall(r"\bflowbot_\w+", expression)]
        assert named or re.search(r"\bup\{", expression), expression
        assert set(named) <= set(known_metrics), expression
        for name, inside in re.findall(r"\b(flowbot_\w+)\{([^}]*)\}", expression):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", inside))
            assert labels <= known_metrics[_strip_suffix(name)] | {"job"}, expression
        grouped = {label for inside in re.findall(r"\bby \(([^)]*)\)", expression) for label in inside.split(", ")}
        assert grouped <= frozenset[str]().union(*(known_metrics[name] for name in named), {"job", "le"}), expression
        states = {state for inside in re.findall(r'\bstate=~?"([^"]*)"', expression) for state in inside.split("|")}
        assert states <= set(ChangeState), expression
        assert expression.count("(") == expression.count(")"), expression
    assert {_strip_suffix(name) for name in re.findall(r"\bflowbot_\w+", section("When an alert fires"))} <= set(
        known_metrics
    )


def test_no_expression_mixes_two_workspaces() -> None:
    for expression in EXPRESSIONS:
        aggregations = re.findall(r"\b(?:sum|max|min|count)\b(?: by \(([^)]*)\))?", expression)
        assert all("job" in labels.split(", ") for labels in aggregations), expression


def test_the_dashboard_shows_every_metric_and_says_what_each_panel_is(known_metrics: Known) -> None:
    panels, shown = DASHBOARD["panels"], set[str]()
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        for target in panel["targets"]:
            shown |= {_strip_suffix(name) for name in re.findall(r"\bflowbot_\w+", target["expr"])}
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = re.search(r"\bby \(([^)]*)\)", target["expr"])
            assert grouped
            assert legend == set(grouped[1].split(", ")) - {"le"}, panel["title"]
    assert shown == set(known_metrics)


def _strip_suffix(name: str) -> str:
    return re.sub(r"_(count|bucket|sum)$", "", name)


def test_each_alert_has_a_paragraph_and_each_paragraph_an_alert() -> None:
    paragraphs = re.findall(r"^\*\*(\w+)\*\*:", section("When an alert fires"), re.MULTILINE)
    assert paragraphs == re.findall(r"- alert: (\w+)", ALERTS)


def test_every_link_of_the_page_leads_somewhere() -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", PAGE):
        target = (ROOT / "docs" / (file or "operations.md")).resolve()
        assert target.is_file(), file
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, anchor


def test_the_image_has_what_the_installation_reads_and_no_more() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "constraints.txt", "requirements.txt", "flowbot"} <= copied
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(allowed) == copied
    assert all((ROOT / name).exists() for name in copied)
    assert re.search(r"^USER flowbot$", DOCKERFILE, re.MULTILINE)
    command = re.search(r'^CMD \["flowbot", "(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    assert command
    assert f"flowbot {command[1]}" in all_commands()

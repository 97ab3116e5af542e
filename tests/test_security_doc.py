"""SECURITY.md keeps what it says: settings, tests, tables and times against the code."""

import re
import tomllib
from datetime import timedelta
from importlib.metadata import requires
from pathlib import Path
from typing import Final

import pytest
from slack_sdk.signature import Clock, SignatureVerifier

from flowbot.config import Settings
from flowbot.domain.figures import KEEP_FIGURES
from flowbot.domain.images import MAX_IMAGE_BYTES
from flowbot.enkapush.images import MOST_REDIRECTS
from flowbot.server.http import MAX_BODY_BYTES
from flowbot.server.receiver import MOST_FIELDS
from flowbot.services.forms import KEEP_DRAFTS
from flowbot.storage.tables import metadata
from flowbot.worker.retention import KEEP_DELIVERIES, KEEP_IMAGES

ROOT: Final = Path(__file__).parent.parent
SECURITY: Final = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
CODE: Final = set(re.findall(r"`([^`]+)`", SECURITY))
SETTINGS: Final = {name.upper(): field for name, field in Settings.model_fields.items()}


def test_settings_that_it_names_exist() -> None:
    assert {name for name in CODE if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", name)} <= set(SETTINGS)


def test_every_secret_is_named_with_the_way_to_a_new_one() -> None:
    secrets = {name for name, field in SETTINGS.items() if "SecretStr" in repr(field.annotation)}
    rotated = set(re.findall(r"^\| `([A-Z_]+)` \|", SECURITY, re.MULTILINE))
    assert rotated == secrets
    assert len(secrets) == 5


def test_tests_that_it_names_exist() -> None:
    named = {name for name in CODE if name.startswith("tests/")}
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_table_is_named() -> None:
    kept = SECURITY.partition("## What is kept")[2]
    assert set(re.findall(r"`([a-z_]+)`", kept)) == set(metadata.tables)


class _LaterClock(Clock):
    def now(self) -> float:
        return 1301.0


def _is_accepted_after(seconds: int) -> bool:
    verifier, timestamp = SignatureVerifier("secret", _LaterClock()), str(1301 - seconds)
    return verifier.is_valid(b"", timestamp, verifier.generate_signature(timestamp=timestamp, body=b""))


@pytest.mark.parametrize(
    ("is_so", "said"),
    [
        (_is_accepted_after(300) and not _is_accepted_after(301), "± 5 minutes"),
        (MAX_BODY_BYTES == 1024 * 1024, "at most 1 MiB"),
        (MOST_FIELDS == 200, "200 fields"),
        (MOST_REDIRECTS == 3, "at most three redirects"),
        (MAX_IMAGE_BYTES == 10 * 1024 * 1024, "at most 10 MiB"),
        (timedelta(days=30) == KEEP_IMAGES, "| 30 days, longer"),
        (timedelta(days=1) == KEEP_DRAFTS, "| 1 day |"),
        (timedelta(hours=1) == KEEP_DELIVERIES, "| 1 hour |"),
        (timedelta(days=731) == KEEP_FIGURES, "| 2 years |"),
    ],
)
def test_numbers_are_those_of_the_code(is_so: bool, said: str) -> None:
    assert is_so
    assert said in SECURITY


# --- packages ------------------------------------------------------------------------------------------------------

MODULES: Final = {
    "python-dotenv": "dotenv",
    "prometheus-client": "prometheus_client",
    "pyyaml": "yaml",
    "pydantic-settings": "pydantic_settings",
    "slack-bolt": "slack_bolt",
    "slack-sdk": "slack_sdk",
    "tomli-w": "tomli_w",
    "ada-url": "ada_url",
}
BY_NAME: Final = {
    "aiosqlite": "sqlite+aiosqlite",
    "psycopg": "postgresql+psycopg",
    "sniffio": "httpcore",
    "tzdata": "zoneinfo",
}
"""Packages that nobody imports: what else of the code asks for them."""


def test_every_package_that_flowbot_needs_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = {re.split(r"[\[>=<]", need)[0] for need in project["dependencies"]}
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "flowbot").rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:from|import) ([a-z_]+)", code, re.MULTILINE))
    unused = {name for name in packages - BY_NAME.keys() if MODULES.get(name, name) not in imported}
    assert unused == set()
    assert [hint for name, hint in BY_NAME.items() if name not in packages or hint not in code] == []


def test_every_package_is_pinned() -> None:
    pinned = set(re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    needed = {re.split(r"[\[>=<; ]", need)[0] for need in requires("flowbot") or ()}
    assert {_plain(name) for name in needed} <= {_plain(name) for name in pinned}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

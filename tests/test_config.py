"""The environment is read in one place: defaults, shapes, and one line for what is wrong."""

from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.config import Settings
from flowbot.errors import ConfigurationError

SECRET: Final = "s3cr3t-of-mine"

MALFORMED: Final = [
    ("SLACK_BOT_TOKEN", SECRET),
    ("SLACK_BOT_TOKEN", f"xoxp-{SECRET}"),
    ("SLACK_BOT_TOKEN", "xoxb-"),
    ("SLACK_BOT_TOKEN", f"xoxb-{SECRET} two"),
    ("SLACK_BOT_TOKEN", f"xoxb-{SECRET}ş"),
    ("SLACK_SIGNING_SECRET", f"{SECRET} two"),
    ("SLACK_SIGNING_SECRET", f"{SECRET}ğ"),
    ("SLACK_SIGNING_SECRET", f"xoxb-{SECRET}"),
    ("SLACK_SIGNING_SECRET", f"xapp-{SECRET}"),
    ("SLACK_APP_TOKEN", f"xoxb-{SECRET}"),
    ("SLACK_APP_TOKEN", SECRET),
    ("SLACK_API_URL", "slack.com/api"),
    ("SLACK_API_URL", "ftp://slack.com/api"),
    ("SLACK_API_URL", f"https://user:{SECRET}@slack.com/api"),
    ("SLACK_API_URL", f"https://slack.com/api?token={SECRET}"),
    ("ENKAPUSH_API_KEY", f"{SECRET} two"),
    ("ENKAPUSH_API_URL", SECRET),
    ("ENKAPUSH_API_URL", f"https://:{SECRET}@enkapush.com/api"),
    ("ENKAPUSH_TIMEZONE", "Europe/Konstantinopel"),
    ("ENKAPUSH_TIMEZONE", "../../etc/passwd"),
    ("ENKAPUSH_TIMEZONE", "+03:00"),
    ("DATABASE_URL", "mysql://localhost/flowbot"),
    ("DATABASE_URL", f"postgres:/{SECRET}"),
    ("DATABASE_URL", "sqlite://"),
    ("FLOWBOT_ADMINS", "ayse"),
    ("FLOWBOT_ADMINS", f"U0AYSE,xoxb-{SECRET}"),
    ("FLOWBOT_ADMINS", "U0AYSE;U0EMMA"),
    ("FLOWBOT_LANGUAGE", "eo"),
    ("FLOWBOT_WATCH_SECONDS", "1"),
    ("FLOWBOT_WATCH_SECONDS", "3601"),
    ("FLOWBOT_WATCH_SECONDS", "soon"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
    ("PORT", "http"),
    ("PORT", "65536"),
    ("PORT", "-1"),
]


def load() -> Settings:
    return Settings.load(env_file=None)


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_setting_is_one_line_that_names_it_and_does_not_quote_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        load()
    line = str(refused.value)
    assert line.startswith(f"{name}: ")
    assert "\n" not in line
    assert SECRET not in line


@pytest.mark.parametrize("name", sorted({name for name, _ in MALFORMED}))
def test_an_empty_setting_is_one_that_was_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert load() == Settings(_env_file=None)


def test_the_contracts_defaults() -> None:
    settings = load()
    assert settings.slack_api_url == "https://slack.com/api"
    assert settings.enkapush_api_url == "https://enkapush.com/api"
    assert settings.zone == ZoneInfo("Europe/Istanbul")
    assert settings.database_url.get_secret_value() == "sqlite:///flowbot.db"
    assert (settings.log_level, settings.log_format, settings.port) == ("info", "text", 3000)
    assert (settings.flowbot_admins, settings.flowbot_language) == (frozenset(), None)
    assert settings.flowbot_watch_seconds == 300


@pytest.mark.parametrize("name", ["SLACK_API_URL", "ENKAPUSH_API_URL"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:5000/api", "http://localhost:5000/api/", "https://proxy/api"])
def test_plain_http_and_other_hosts_are_taken(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv(name, url)
    assert getattr(load(), name.lower()) == url.rstrip("/")


def test_what_people_write_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {
        "FLOWBOT_ADMINS": " U0AYSE, W0DENIZ ,",
        "FLOWBOT_LANGUAGE": "TR",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "Json",
    }
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.flowbot_admins == {"U0AYSE", "W0DENIZ"}
    assert settings.flowbot_language == "tr"
    assert (settings.log_level, settings.log_format) == ("debug", "json")


def test_a_rotated_bot_token_is_a_bot_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxe.xoxb-1-abc")
    assert load().slack_bot_token is not None


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=error\nLOG_FORMAT=json\nUNKNOWN=1\n")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    settings = Settings.load(env_file=file)
    assert (settings.log_level, settings.log_format) == ("debug", "json")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"LOG_LEVEL=\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"\.env: cannot be read \(not UTF-8 text\)$"):
        Settings.load(env_file=file)
    file.unlink()
    file.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match=r"\.env: cannot be read \(No such file or directory\)$"):
        Settings.load(env_file=file)
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigurationError, match=r"\.env: cannot be read \(Is a directory\)$"):
        Settings.load(env_file=file)


@pytest.mark.parametrize(
    "statement", ["this is none", 'LOG_FORMAT="json', "LOG_FORMAT='json", "=json", "LOG FORMAT=json"]
)
def test_a_statement_that_cannot_be_read_is_named_by_file_and_line(tmp_path: Path, statement: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# ours\nexport PORT=1\n\n{statement}\nLOG_LEVEL=error\n")
    with pytest.raises(ConfigurationError, match=r"\.env: line 4 is no NAME=value$"):
        Settings.load(env_file=file)


def test_missing_settings_are_named_together() -> None:
    with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN, ENKAPUSH_API_KEY: not set"):
        load().require("slack_bot_token", "enkapush_api_key")


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://flowbot:p%40ss@host/name", "p@ss"),
        ("postgres://:hunter22@host/name", "hunter22"),
        ("postgresql://u:pa/ss:wo@rd@host/name", "pa/ss:wo@rd"),
        ("postgresql://u:pa[ss@host/name", "pa[ss"),
        ("postgresql://[host/name?password=hunter22", "hunter22"),
        ("postgresql:///name?host=h&user=u&password=p%40ss", "p@ss"),
    ],
)
def test_no_secret_shows_itself_and_each_is_known(monkeypatch: pytest.MonkeyPatch, url: str, password: str) -> None:
    values = {
        "SLACK_BOT_TOKEN": f"xoxb-{SECRET}",
        "SLACK_APP_TOKEN": f"xapp-{SECRET}",
        "SLACK_SIGNING_SECRET": f"{SECRET}1",
        "ENKAPUSH_API_KEY": f"{SECRET}2",
    }
    for name, value in {**values, "DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert set(settings.secrets) >= {*values.values(), password}
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown
        assert password not in shown
        assert url not in shown


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1  # type: ignore[misc] # that it cannot be written is the point

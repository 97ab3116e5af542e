"""Settings, the only reader of the environment. README, "Settings", lists them; secrets never print themselves."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import parse_qs, unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv.parser import parse_stream
from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from flowbot.domain.ids import UserId
from flowbot.errors import ConfigurationError
from flowbot.i18n.languages import LANGUAGES

ENV_FILE: Final = Path(".env")
LEAST_WATCH_SECONDS: Final = 2
MOST_WATCH_SECONDS: Final = 3600
_URL: Final = TypeAdapter(HttpUrl)


def _token(prefix: str, shape: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not re.fullmatch(shape + r"[\x21-\x7e]+", value.get_secret_value()):
            raise ValueError(f"must begin with {prefix}")
        return value

    return AfterValidator(check)


def _printable(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    if re.match(r"xox|xapp-", value.get_secret_value()):
        raise ValueError("is a token, not the signing secret")
    return _printable(value)


def _language(value: str) -> str:
    if value not in LANGUAGES:
        *others, last = map(repr, LANGUAGES)
        raise ValueError(f"Input should be {', '.join(others)} or {last}")
    return value


def _watch_seconds(value: int) -> int:
    if value != 0 and not LEAST_WATCH_SECONDS <= value <= MOST_WATCH_SECONDS:
        raise ValueError(f"must be 0, or {LEAST_WATCH_SECONDS} to {MOST_WATCH_SECONDS} seconds")
    return value


class Settings(BaseSettings):
    """The settings of one process. Frozen; the environment variable of a field is its name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    slack_bot_token: Annotated[SecretStr, _token("xoxb-", r"(xoxe\.)?xoxb-")] | None = None
    slack_signing_secret: Annotated[SecretStr, AfterValidator(_signing_secret)] | None = None
    slack_app_token: Annotated[SecretStr, _token("xapp-", r"xapp-")] | None = None
    slack_api_url: str = "https://slack.com/api"
    enkapush_api_key: Annotated[SecretStr, AfterValidator(_printable)] | None = None
    enkapush_api_url: str = "https://enkapush.com/api"
    enkapush_timezone: str = "Europe/Istanbul"
    database_url: SecretStr = SecretStr("sqlite:///flowbot.db")
    flowbot_admins: Annotated[frozenset[UserId], NoDecode] = frozenset()
    flowbot_language: Annotated[str, AfterValidator(_language)] | None = None
    flowbot_watch_seconds: Annotated[int, AfterValidator(_watch_seconds)] = 300
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    port: Annotated[int, Field(ge=0, le=65535)] = 3000

    @field_validator("slack_api_url", "enkapush_api_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        url = _URL.validate_python(value)
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("must be a plain http:// or https:// address")
        return str(url).rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"(sqlite:///.|postgres(ql)?://.)", value.get_secret_value()):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("flowbot_admins", mode="before")
    @classmethod
    def _parse_admins(cls, value: str | Iterable[str]) -> list[UserId]:
        parts = value.split(",") if isinstance(value, str) else value
        try:
            return [UserId(part.strip()) for part in parts if part.strip()]
        except ValueError:
            # A text that is no id may be a secret in the wrong place: it is not quoted.
            raise ValueError("must be people's ids such as U0AYSE, separated by commas") from None

    @field_validator("flowbot_language", "log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("enkapush_timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not a time zone such as Europe/Istanbul") from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The zone of Enkapush's timestamps, which name none."""
        return ZoneInfo(self.enkapush_timezone)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, so that the log can leave it out."""
        values = (self.slack_bot_token, self.slack_signing_secret, self.slack_app_token, self.enkapush_api_key)
        texts = [value.get_secret_value() for value in values if value is not None]
        if password := re.match(r"[^:]+://[^:@]*:(.+)@", self.database_url.get_secret_value()):
            texts += [password[1], unquote(password[1])]
        texts += parse_qs(self.database_url.get_secret_value().partition("?")[2]).get("password", [])
        return tuple(texts)

    @classmethod
    def load(cls, env_file: Path | None = ENV_FILE, values: Mapping[str, Any] = MappingProxyType({})) -> Self:
        """Read the environment and `.env`; `values` by the settings' names go before both.

        Raises:
            ConfigurationError: a setting is malformed. The message is one line that names it, without its value.
        """
        try:
            if env_file is not None and os.path.lexists(env_file):
                _require_parsable(env_file)
            return cls(_env_file=env_file, **values)
        except ValidationError as error:
            # The first problem only, and without the value, which may be a secret.
            first = error.errors(include_input=False, include_url=False)[0]
            problem = first["msg"].removeprefix("Value error, ")
            raise ConfigurationError(f"{str(first['loc'][0]).upper()}: {problem}") from None
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8 text"
            raise ConfigurationError(f"{env_file}: cannot be read ({why})") from None

    def require(self, *names: str) -> None:
        """Check that the settings `names` are set.

        Raises:
            ConfigurationError: one is missing.
        """
        missing = [name.upper() for name in names if getattr(self, name) is None]
        if missing:
            raise ConfigurationError(f"{', '.join(missing)}: not set (see .env.example)")


def _require_parsable(env_file: Path) -> None:
    """Make sure that every statement of the file is one: those that are none would be left out in silence.

    Raises:
        ConfigurationError: a statement is none, as a quote that is not closed; names its line.
        OSError: the file cannot be read, or leads nowhere.
        UnicodeDecodeError: it is no text.
    """
    with env_file.open(encoding="utf-8") as opened:
        wrong = next((each.original for each in parse_stream(opened) if each.error), None)
    if wrong is not None:
        # The blank lines before a statement are its own.
        blank = len(wrong.string) - len(wrong.string.lstrip())
        line = wrong.line + wrong.string.count("\n", 0, blank)
        raise ConfigurationError(f"{env_file}: line {line} is no NAME=value")


def secret_value(value: SecretStr | None) -> str:
    """Return the text of a secret setting, empty where it is not set."""
    return value.get_secret_value() if value else ""

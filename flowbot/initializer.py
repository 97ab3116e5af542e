"""The first set-up: asks for the secrets, checks them and writes them to `.env`."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

from dotenv import set_key

from flowbot.config import ENV_FILE, Settings, secret_value
from flowbot.diagnostics.checks import check_secret
from flowbot.errors import ConfigurationError

PLACES: Final = {
    "slack_bot_token": "OAuth & Permissions → Bot User OAuth Token",
    "slack_app_token": "Basic Information → App-Level Tokens",
    "slack_signing_secret": "Basic Information → App Credentials",
    "enkapush_api_key": "your Enkapush account; who manages it has the key",
}
"""Where each secret is found: in the Slack app's pages, but for the key."""
HTTP_MODE: Final = "-"
"""The answer that takes an app token away."""
OWNER_ONLY: Final = 0o600


class Initializer:
    """Asks for each secret until it is right, and writes all of them.

    Args:
        say: prints a line.
        ask: asks for a secret without showing it; None takes what is set already.
    """

    def __init__(self, say: Callable[[str], None], ask: Callable[[str], str] | None) -> None:
        self._say = say
        self._ask = ask
        self._values: dict[str, str] = {}

    def run(self) -> bool:
        """Ask for, check and write the secrets, and return whether all were right; else nothing is written.

        Raises:
            ConfigurationError: a secret is missing or malformed, or `.env` cannot be written.
        """
        current = Settings.load()
        _require_writable()
        if self._ask is None:
            _require_secrets(current)
        for name in PLACES:
            present = secret_value(getattr(current, name))
            if name == "slack_signing_secret" and self._values.get("slack_app_token") and (self._ask or not present):
                continue
            if not self._ask_until_right(name, present):
                return False
        self._write()
        is_socket = bool(self._values.get("slack_app_token"))
        steps = [
            f"Start flowbot: flowbot {'socket' if is_socket else 'serve'}",
            "In a Slack channel, type /flows setup (in a private one, /invite @flowbot first).",
            "Then type /flows list. If something is not right, flowbot check says what.",
        ]
        if not is_socket:
            steps.insert(
                1, "In the Slack app's pages, under Event Subscriptions, press Retry: it verifies the address."
            )
        self._say(f"Saved in {ENV_FILE}, which only you can read. What is left to do:")
        for number, step in enumerate(steps, start=1):
            self._say(f"{number}. {step}")
        return True

    def _ask_until_right(self, name: str, present: str) -> bool:
        """Take one secret, typed or present, once it is right; return whether there is one, or none is needed."""
        on_enter = "keeps the present one"
        while True:
            value = self._read(name, present, on_enter)
            if name == "slack_app_token" and value in {"", HTTP_MODE}:
                if present and value:
                    self._values[name] = ""
                return True
            if not value:
                continue
            right = {known: secret for known, secret in self._values.items() if secret}
            try:
                settings = Settings.load(values={**right, name: value})
            except ConfigurationError as error:
                if self._ask is None:
                    raise
                self._say(f"FAIL  {error}")
                continue
            result = asyncio.run(check_secret(settings, name))
            self._say(str(result))
            if result.passed:
                self._values[name] = value
                return True
            if self._ask is None:
                return False
            # Slack or Enkapush may have been away, and the secret right.
            present, on_enter = value, "tries the last one again"

    def _read(self, name: str, present: str, on_enter: str) -> str:
        if self._ask is None:
            return present
        keys = f"; Enter {on_enter}" if present else ""
        if name == "slack_app_token":
            keys += f"; {HTTP_MODE if present else 'Enter'} for HTTP mode"
        return self._ask(f"{name.upper()} ({PLACES[name]}{keys})").strip() or present

    def _write(self) -> None:
        """Write the secrets to `.env`; its other lines stay."""
        try:
            # What a link names: the file is replaced as a whole, and the link would be, too.
            file = ENV_FILE.resolve()
            # Made before it holds anything, so that nobody else can read it for a moment.
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, OWNER_ONLY))
            file.chmod(OWNER_ONLY)
            for name, value in self._values.items():
                set_key(file, name.upper(), value, quote_mode="never")
        except OSError as error:
            raise ConfigurationError(f"{ENV_FILE}: cannot be written ({error.strerror})") from None


def _require_secrets(settings: Settings) -> None:
    """Make sure that all that one of the modes needs is set.

    Raises:
        ConfigurationError: something is missing.
    """
    missing = [name.upper() for name in ("slack_bot_token", "enkapush_api_key") if getattr(settings, name) is None]
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        missing.append("SLACK_APP_TOKEN or SLACK_SIGNING_SECRET")
    if missing:
        raise ConfigurationError(f"{', '.join(missing)}: not set (see .env.example)")


def _require_writable() -> None:
    """Make sure that `.env` can be written, before anything is asked.

    Raises:
        ConfigurationError: it, or its folder, in which it is replaced as a whole, cannot be written.
    """
    file = ENV_FILE.resolve()
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.W_OK):
            raise ConfigurationError(f"{ENV_FILE}: {str(path)!r} cannot be written")

"""The first set-up: asks for the secrets, checks them and writes them to `.env`."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

from dotenv import set_key

from flowbot.config import ENV_FILE, Settings, secret_value
from flowbot.diagnostics import check_secret
from flowbot.errors import ConfigurationError

PLACES: Final = {
    "slack_bot_token": "OAuth & Permissions → Bot User OAuth Token",
    "slack_app_token": "Basic Information → App-Level Tokens; Enter for HTTP mode",
    "slack_signing_secret": "Basic Information → App Credentials",
    "enkapush_api_key": "your Enkapush account",
}
"""Where each secret is found: in the Slack app's pages, but for the key."""
UNCHECKED: Final = "slack_signing_secret"
"""Nobody tells whether it is right: its form alone is checked."""
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
        if self._ask is None and current.slack_app_token is None:
            current.require("slack_signing_secret")
        for name in PLACES:
            present = secret_value(getattr(current, name))
            if name == UNCHECKED and "slack_app_token" in self._values and (self._ask or not present):
                continue
            if not self._settle(name, present):
                return False
        self._write()
        mode = "socket" if "slack_app_token" in self._values else "serve"
        self._say(f"Saved in {ENV_FILE}, which only you can read. What is left to do:")
        self._say(f"1. Start flowbot: flowbot {mode}")
        self._say("2. In a Slack channel, type /flows setup (in a private one, /invite @flowbot first).")
        self._say("3. Then type /flows list. If something is not right, flowbot check says what.")
        return True

    def _settle(self, name: str, present: str) -> bool:
        """Take one secret, typed or present, once it is right; return whether there is one, or none is needed."""
        while True:
            value = self._read(name, present)
            if not value:
                if name == "slack_app_token":
                    return True
                if self._ask is None:
                    raise ConfigurationError(f"{name.upper()}: not set (see .env.example)")
                continue
            try:
                settings = Settings.load(values={**self._values, name: value})
            except ConfigurationError as error:
                if self._ask is None:
                    raise
                self._say(f"FAIL  {error}")
                continue
            if name == UNCHECKED:
                break
            result = asyncio.run(check_secret(settings, name))
            self._say(str(result))
            if result.passed:
                break
            if self._ask is None:
                return False
        self._values[name] = value
        return True

    def _read(self, name: str, present: str) -> str:
        if self._ask is None:
            return present
        kept = "; Enter keeps the present one" if present else ""
        return self._ask(f"{name.upper()} ({PLACES[name]}{kept})").strip() or present

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


def _require_writable() -> None:
    """Make sure that `.env` can be written, before anything is asked.

    Raises:
        ConfigurationError: it, or its folder, in which it is replaced as a whole, cannot be written.
    """
    file = ENV_FILE.resolve()
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.W_OK):
            raise ConfigurationError(f"{ENV_FILE}: {str(path)!r} cannot be written")

"""The first set-up: `flowbot init`, the manifest, and the Slack CLI's hooks."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml
from dotenv import dotenv_values

from flowbot.errors import ConfigurationError
from flowbot.initializer import Initializer
from flowbot.slack.manifest import build_manifest, format_manifest
from tests.journeys.test_cli import Environment, Server, environment, is_one_line_about, run_in_thread
from tests.journeys.world import API_KEY, MARKETING, World

__all__ = ["environment"]
SECRETS: Final = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ENKAPUSH_API_KEY")
ROOT: Final = Path(__file__).parents[2]


def without(environment: Mapping[str, str], *names: str) -> Environment:
    return {name: value for name, value in environment.items() if name not in names}


def written(folder: Path) -> dict[str, str | None]:
    return dotenv_values(folder / ".env")


async def test_init_takes_the_secrets_from_the_environment_and_writes_them(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("# ours\nLOG_FORMAT=json\nSLACK_BOT_TOKEN=\n")
    (tmp_path / ".env").chmod(0o644)
    status, out, err = await run_in_thread(environment, tmp_path, "init", "--no-input")
    assert (status, err) == (0, ""), out
    assert {name: environment[name] for name in SECRETS} | {"LOG_FORMAT": "json"} == written(tmp_path)
    assert (tmp_path / ".env").read_text().startswith("# ours\n")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert [line[:4] for line in out.splitlines()[:3]] == ["ok  ", "ok  ", "ok  "]
    assert "flowbot socket" in out
    assert not [name for name in SECRETS if environment[name] in out]


async def test_init_writes_to_the_file_behind_a_link(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "shop.env").write_text("LOG_FORMAT=json\n")
    (tmp_path / ".env").symlink_to("shop.env")
    status, _, err = await run_in_thread(environment, tmp_path, "init", "--no-input")
    assert (status, err) == (0, "")
    assert (tmp_path / ".env").is_symlink()
    assert dotenv_values(tmp_path / "shop.env")["SLACK_BOT_TOKEN"] == environment["SLACK_BOT_TOKEN"]


async def test_init_without_an_app_token_is_http_mode(environment: Environment, tmp_path: Path) -> None:
    given = without(environment, "SLACK_APP_TOKEN")
    status, out, _ = await run_in_thread(given, tmp_path, "init", "--no-input")
    assert (status, "flowbot serve" in out) == (0, True), out
    assert set(written(tmp_path)) == set(SECRETS) - {"SLACK_APP_TOKEN"}


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["SLACK_BOT_TOKEN"], "SLACK_BOT_TOKEN"),
        (["SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"], "SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"),
        (SECRETS, "SLACK_BOT_TOKEN, ENKAPUSH_API_KEY, SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"),
    ],
)
async def test_init_names_all_that_is_missing(
    environment: Environment, tmp_path: Path, missing: Collection[str], named: str
) -> None:
    status, _, err = await run_in_thread(without(environment, *missing), tmp_path, "init", "--no-input")
    assert (status, err) == (2, f"flowbot: {named}: not set (see .env.example)\n")
    assert not (tmp_path / ".env").exists()


async def test_init_without_a_terminal_says_what_to_do(environment: Environment, tmp_path: Path) -> None:
    said = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "flowbot", "init"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert is_one_line_about("--no-input", said.returncode, "", said.stderr), said


class Typist:
    """Answers one question after the other, and remembers them and what was said."""

    def __init__(self, *answers: str) -> None:
        self._answers = iter(answers)
        self.shown: list[str] = []

    def ask(self, prompt: str) -> str:
        self.shown.append(prompt)
        return next(self._answers)

    async def run(self, environment: Environment, folder: Path) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for name, value in environment.items():
                patch.setenv(name, value)
            return await asyncio.to_thread(Initializer(self.shown.append, self.ask).run)


async def test_init_goes_from_socket_mode_to_http_mode(environment: Environment, tmp_path: Path) -> None:
    kept = [name for name in SECRETS if name != "SLACK_SIGNING_SECRET"]
    (tmp_path / ".env").write_text("".join(f"{name}={environment[name]}\n" for name in kept))
    typist = Typist("", "-", environment["SLACK_SIGNING_SECRET"], "")
    assert await typist.run(without(environment, *SECRETS), tmp_path)
    assert written(tmp_path) == {name: environment[name] for name in SECRETS} | {"SLACK_APP_TOKEN": ""}
    assert any("press Retry" in line for line in typist.shown)


async def test_enter_tries_again_what_slack_did_not_answer(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    world.slack.faults.add("auth.test", error="service_unavailable")
    typist = Typist(environment["SLACK_BOT_TOKEN"], "", environment["SLACK_APP_TOKEN"], API_KEY)
    assert await typist.run(without(environment, *SECRETS), tmp_path)
    assert "Enter tries the last one again" in typist.shown[2]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-guessed", "slack token"),
        ("SLACK_APP_TOKEN", "xapp-guessed", "slack socket mode"),
        ("ENKAPUSH_API_KEY", "guessed", "enkapush"),
    ],
)
async def test_init_writes_nothing_that_slack_or_enkapush_refuses(
    environment: Environment, tmp_path: Path, name: str, value: str, said: str
) -> None:
    status, out, _ = await run_in_thread({**environment, name: value}, tmp_path, "init", "--no-input")
    assert status == 1
    assert out.splitlines()[-1].startswith(f"FAIL  {said}")
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("lacks", [".", ".env"])
def test_init_asks_for_nothing_that_it_could_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    (tmp_path / ".env").touch()
    monkeypatch.chdir(tmp_path)
    unwritable = (tmp_path / lacks).resolve()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != unwritable)
    with pytest.raises(ConfigurationError, match=r"^\.env: .+ cannot be written$"):
        Initializer(print, lambda prompt: pytest.fail(f"{prompt} was asked")).run()


@pytest.mark.long
async def test_init_asks_for_each_secret_until_it_is_right_and_shows_none(
    environment: Environment, tmp_path: Path
) -> None:
    """Each answer is typed once it is asked for, as a person does."""
    asked = without(environment, *SECRETS)
    answers = [
        ("SLACK_BOT_TOKEN", "a word"),
        ("SLACK_BOT_TOKEN", "xoxb-guessed"),
        ("SLACK_BOT_TOKEN", environment["SLACK_BOT_TOKEN"]),
        ("SLACK_APP_TOKEN", environment["SLACK_APP_TOKEN"]),
        ("ENKAPUSH_API_KEY", environment["ENKAPUSH_API_KEY"]),
    ]
    status, shown = await asyncio.to_thread(type_answers, asked, tmp_path, answers)
    assert status == 0, shown
    assert written(tmp_path) == {name: environment[name] for name in without(dict.fromkeys(SECRETS, ""), SECRETS[2])}
    assert "must begin with xoxb-" in shown
    assert "FAIL  slack token" in shown
    assert not [value for _, value in answers if value in shown]


def type_answers(environment: Environment, folder: Path, answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run `flowbot init` on a terminal, answer each question when it shows, and return the status and all output."""
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "flowbot", "init"]
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    shown, seen = b"", 0
    for question, answer in answers:
        while (at := shown.find(f"{question} (".encode(), seen)) < 0:
            shown += os.read(master, 4096)
        seen = at + len(question)
        while b": " not in shown[seen:]:
            shown += os.read(master, 4096)
        os.write(master, f"{answer}\n".encode())
    try:
        while piece := os.read(master, 4096):
            shown += piece
    except OSError:
        pass  # Linux' end of a terminal that nobody holds open
    os.close(master)
    return process.wait(30), shown.decode()


# --- the manifest --------------------------------------------------------------------------------------------------


async def test_the_manifest_is_printed_for_each_way_in(environment: Environment, tmp_path: Path) -> None:
    socket = await run_in_thread(environment, tmp_path, "manifest", "--socket", "--json")
    assert socket == (0, format_manifest(build_manifest(None), as_json=True), "")
    assert json.loads(socket[1])["settings"]["socket_mode_enabled"]
    status, out, _ = await run_in_thread(environment, tmp_path, "manifest", "--url", "https://bot.example.com/")
    assert status == 0
    assert yaml.safe_load(out) == build_manifest("https://bot.example.com")
    assert "https://bot.example.com/slack/events" in out


@pytest.mark.parametrize(
    ("name", "is_public"), [("bot.example.com", True), ("machine", False), ("ip-10-0-0-1.ec2.internal", False)]
)
async def test_the_manifest_of_http_mode_takes_this_machines_public_name(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_public: bool
) -> None:
    monkeypatch.setattr("flowbot.slack.manifest.socket.getfqdn", lambda: name)
    said = await run_in_thread(environment, tmp_path, "manifest", "--http")
    if is_public:
        assert yaml.safe_load(said[1]) == build_manifest(f"https://{name}")
    else:
        assert is_one_line_about("--url", *said), said


@pytest.mark.parametrize(
    "arguments",
    [[], ["--http", "--socket"], ["--socket", "--url", "https://bot.example.com"],
     ["--url", "bot.example.com"], ["--url", "http://bot.example.com"],
     ["--url", "https://bot.example:99999"], ["--url", "https://[bot.example"],
     ["--url", "https://bot.example com"], ["--url", "https://bot.example.com\n"]],
    ids=" ".join,
)  # fmt: skip
async def test_an_address_that_slack_does_not_take_is_one_line(
    environment: Environment, tmp_path: Path, arguments: list[str]
) -> None:
    said = await run_in_thread(environment, tmp_path, "manifest", *arguments)
    assert is_one_line_about("--url", *said), said


def read_hooks() -> dict[str, str]:
    hooks = json.loads((ROOT / ".slack" / "hooks.json").read_text())["hooks"]
    assert isinstance(hooks, dict)
    return hooks


def with_flowbot(environment: Environment, folder: Path) -> Environment:
    """Return the environment of a shell in which flowbot is installed."""
    commands = folder / "bin"
    commands.mkdir()
    for name, line in {"flowbot": "-m flowbot", "python3": ""}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {line} "$@"\n')
        (commands / name).chmod(0o755)
    return {**environment, "PATH": f"{commands}:{os.environ['PATH']}"}


async def test_the_slack_cli_gets_its_manifest_and_its_hooks(environment: Environment, tmp_path: Path) -> None:
    shell = with_flowbot(environment, tmp_path)
    answers = {}
    for name in ("get-hooks", "get-manifest"):
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", read_hooks()[name]], env=shell, cwd=tmp_path, capture_output=True, timeout=60
        )
        answers[name] = json.loads(done.stdout)
    assert answers["get-manifest"] == build_manifest(None)
    assert "check-update" in answers["get-hooks"]["hooks"]


@pytest.mark.long
async def test_slack_run_starts_flowbot_with_the_tokens_that_the_cli_hands_over(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    tokens = {"SLACK_CLI_XOXB": environment["SLACK_BOT_TOKEN"], "SLACK_CLI_XAPP": environment["SLACK_APP_TOKEN"]}
    shell = with_flowbot({**without(environment, *SECRETS[:3]), **tokens}, tmp_path)
    log = tmp_path / "run.log"
    # `exec` stands in for a shell that replaces itself by its last command, as most do: a signal reaches flowbot.
    with log.open("wb") as stderr:
        command = ["sh", "-c", f"exec env {read_hooks()['start']}"]
        running = Server(subprocess.Popen(command, env=shell, cwd=tmp_path, stderr=stderr), log)  # noqa: ASYNC220
    await running.wait_for_log("connected")
    await world.emma.wait_until(lambda: world.slack.sockets.connection_count)
    await world.emma.send(MARKETING, "/flows help")
    await world.emma.wait_for_message(MARKETING, "You can")
    assert (await running.stop())[0] == 0

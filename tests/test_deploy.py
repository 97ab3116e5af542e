"""The service templates of `deploy`: the systemd units and the compose file for several workspaces."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from flowbot.cli.console import BAD_CONFIGURATION
from flowbot.config import Settings
from tests.conftest import skip_without
from tests.test_docs import all_commands

DEPLOY: Final = Path(__file__).parent.parent / "deploy"
UNITS: Final = ("flowbot.service", "flowbot@.service")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
WORKSPACES: Final = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "flowbot"}
PROGRAM: Final = "/srv/flowbot/.venv/bin/flowbot"


def _read_unit(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_and_rests_where_a_restart_is_no_help(name: str) -> None:
    start = re.search(rf"^ExecStart={re.escape(PROGRAM)} (\w+)", _read_unit(name), re.MULTILINE)
    assert start
    assert f"flowbot {start[1]}" in all_commands()
    assert f"RestartPreventExitStatus={BAD_CONFIGURATION}\n" in _read_unit(name)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        skip_without("systemd", "systemd-analyze is not installed")
    files = [tmp_path / "flowbot.service", tmp_path / "flowbot@shop.service"]
    for name, file in zip(UNITS, files, strict=True):
        file.write_text(_read_unit(name).replace(PROGRAM, "/bin/true"))
    done = subprocess.run([program, "verify", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_template_differs_from_the_unit_only_in_what_is_the_workspaces_own() -> None:
    one, template = (set(_read_unit(name).splitlines()) for name in UNITS)
    assert {line.partition("=")[0] for line in one - template} == {
        "Description", "User", "WorkingDirectory", "ExecStart", "ReadWritePaths"
    }  # fmt: skip
    own = {line.partition("=")[0] for line in template if "%i" in line}
    assert own == {"Description", "User", "WorkingDirectory", "EnvironmentFile", "ReadWritePaths"}


def test_the_compose_file_gives_each_workspace_its_own_and_only_settings_that_there_are() -> None:
    assert len(WORKSPACES) == 2
    settings = {name.upper() for name in Settings.model_fields}
    for name, service in WORKSPACES.items():
        assert set(service["environment"]) <= settings
        assert service["env_file"] == f"{name}.env"
        assert service["networks"] == [name]
        assert service["environment"]["DATABASE_URL"] == (
            f"postgresql://{name}:${{{name.upper()}_DATABASE_PASSWORD:?}}@database/{name}"
        )
        started = re.findall(r"flowbot \w+", service["command"])
        assert started == ["flowbot migrate", "flowbot serve"]
        assert set(started) <= set(all_commands())
        assert service["build"] == ".."
    ports = [port for service in WORKSPACES.values() for port in service["ports"]]
    assert len(set(ports)) == len(WORKSPACES)
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert set(COMPOSE["services"]["database"]["networks"]) == set(COMPOSE["networks"]) == set(WORKSPACES)
    assert "ports" not in COMPOSE["services"]["database"]

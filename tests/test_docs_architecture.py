"""docs/architecture.md, docs/glossary.md and CONTRIBUTING.md say what the code has, and the code has nothing else."""

import ast
import re
from pathlib import Path
from typing import Final

import grimp
import pytest
from typer.main import get_command

from flowbot.cli.main import cli
from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.policy import Permission
from flowbot.domain.transitions import TRANSITIONS
from flowbot.slack.listeners.commands.catalog import COMMANDS

ROOT: Final = Path(__file__).parent.parent
ARCHITECTURE: Final = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GLOSSARY: Final = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS: Final = {"architecture": ARCHITECTURE, "glossary": GLOSSARY, "contributing": CONTRIBUTING}


def table_rows(text: str, head: str) -> list[list[str]]:
    """Return the cells of the rows of the table whose head begins with `head`."""
    lines = text[text.index(f"| {head} |") :].split("\n\n", maxsplit=1)[0].splitlines()
    return [[cell.strip() for cell in line.split(" | ")] for line in (row.strip("| ") for row in lines[2:])]


def find_codes(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Return, for each room at the top of flowbot, the other rooms that it imports."""
    graph = grimp.build_graph("flowbot")
    found: dict[str, set[str]] = {name.split(".")[1]: set() for name in graph.modules if name.count(".") == 1}
    for module in graph.modules - {"flowbot"}:
        room = module.split(".")[1]
        for imported in graph.find_modules_directly_imported_by(module) - {"flowbot"}:
            found[room].add(imported.split(".")[1])
    return {room: others - {room} for room, others in found.items()}


def test_the_rooms_and_what_they_import_are_those_of_the_code(imports: dict[str, set[str]]) -> None:
    rows = table_rows(ARCHITECTURE, "room")
    assert {find_codes(row[0]).pop(): find_codes(row[2]) for row in rows} == imports


def test_the_rooms_within_rooms_are_those_of_the_code() -> None:
    start = ARCHITECTURE.index("Within the rooms:")
    packages = {
        path.parent.relative_to(ROOT / "flowbot").as_posix() for path in (ROOT / "flowbot").rglob("__init__.py")
    }
    inner = {package for package in packages if "/" in package}
    assert {find_codes(row[0]).pop() for row in table_rows(ARCHITECTURE[start:], "room")} == inner


def test_the_state_diagram_has_the_transitions_of_the_code() -> None:
    diagram = ARCHITECTURE[ARCHITECTURE.index("stateDiagram-v2") :].split("```")[0]
    drawn = set(re.findall(r"^\s+(\w+) --> (\w+)$", diagram, re.MULTILINE))
    assert drawn == {(str(before), str(after)) for before, afters in TRANSITIONS.items() for after in afters}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_and_folder_that_is_named_is_there(name: str) -> None:
    named = set(re.findall(r"`((?:flowbot|tests|docs|benchmarks|deploy)/[\w./-]*)`", DOCUMENTS[name]))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_command_that_is_named_is_there() -> None:
    named = set(re.findall(r"`flowbot (\w+)", "".join(DOCUMENTS.values())))
    words = set(re.findall(r"`/flows (\w+)", "".join(DOCUMENTS.values())))
    assert named <= set(get_command(cli).list_commands(None))  # type: ignore[attr-defined]
    assert words <= {command.word for command in COMMANDS}


def test_the_folders_of_tests_are_all_explained() -> None:
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
    assert {find_codes(row[0]).pop() for row in table_rows(CONTRIBUTING, "folder")} == folders


def test_the_targets_of_the_makefile_are_all_explained() -> None:
    targets = set(re.findall(r"^([\w-]+):.* ## ", MAKEFILE, re.MULTILINE)) - {"help"}
    assert {find_codes(row[0]).pop().removeprefix("make ") for row in table_rows(CONTRIBUTING, "command")} == targets


def test_every_word_of_the_glossary_is_in_the_file_that_it_names() -> None:
    for word, _, place in table_rows(GLOSSARY, "word"):
        name, file = re.findall(r"`([^`]+)`", place)
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        assigned = [node.targets if isinstance(node, ast.Assign) else [node.target]
                    for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]  # fmt: skip
        defined |= {target.id for targets in assigned for target in targets if isinstance(target, ast.Name)}
        assert name in defined, f"{word}: {file} does not define {name}"


def test_the_kinds_and_states_of_a_change_are_all_told() -> None:
    words = set(re.findall(r"\w+", ARCHITECTURE + GLOSSARY))
    assert {*map(str, ChangeKind), *map(str, ChangeState)} <= words
    assert Permission.__name__ in words

"""The source archive of `make dist` holds all that its own files speak of."""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ALWAYS: Final = {"pyproject.toml", ".gitignore"}
"""Hatchling puts them into every archive."""
INCLUDED: Final = ALWAYS | set(PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])


def find_links(file: Path) -> set[str]:
    """Return the paths, from the root, of what a document links to."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8"))
    return {str((file.parent / link).resolve().relative_to(ROOT)) for link in links}


def is_included(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in INCLUDED)


def test_what_is_included_is_there() -> None:
    assert [name for name in INCLUDED if not (ROOT / name).exists()] == []


def test_every_link_of_the_documents_leads_into_the_archive() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    assert len(documents) > 5
    assert {link for file in documents for link in find_links(file) if not is_included(link)} == set()


def test_a_container_can_be_built_from_the_archive() -> None:
    lines = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    assert copied == set(allowed)
    needed = copied | {"Dockerfile", ".dockerignore", "deploy/compose.yml"}
    assert {name for name in needed if not is_included(name)} == set()

"""The drawn tree of errors shows every exception of flowbot's."""

import ast
import re
from pathlib import Path
from typing import Final

from flowbot import errors

SOURCE: Final = Path(errors.__file__).parent
LINE: Final = re.compile(r"^((?:[│ ]   )*)(?:[├└]── )?(\w+Error|Exception)\b(.*)$", re.MULTILINE)


def drawn_classes() -> dict[str, str]:
    """Return the drawn classes with the class above each."""
    above: dict[int, str] = {}
    found = {}
    for indent, name, _ in LINE.findall(errors.__doc__ or ""):
        level = 0 if name == "Exception" else len(indent) // 4 + 1
        above[level] = name
        if level:
            found[name] = above[level - 1]
    return found


def defined_classes() -> dict[str, str]:
    """Return flowbot's exceptions with their first base, but for those of Enkapush's client."""
    rooms = [path for path in SOURCE.rglob("*.py") if not {"sandbox", "client"} & set(path.relative_to(SOURCE).parts)]
    classes = [
        node for path in rooms for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    ]
    bases = {node.name: ast.unparse(node.bases[0]) for node in classes if node.bases}
    return {name: base for name, base in bases.items() if base == "Exception" or base.endswith("Error")}


def test_every_error_is_drawn_below_its_base() -> None:
    assert drawn_classes() == defined_classes() | {"EnkapushError": "Exception", "SlackClientError": "Exception"}

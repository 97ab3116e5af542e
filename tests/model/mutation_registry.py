"""The registry of mutations, and how they are patched into the running program."""

import sys
from collections.abc import Callable

import pytest

Patch = pytest.MonkeyPatch


class Mutations(dict[str, Callable[[Patch], None]]):
    """Mutations by name; each takes a patch that undoes it."""

    def register(self, apply: Callable[[Patch], None]) -> Callable[[Patch], None]:
        """Register a mutation under its function's name."""
        self[apply.__name__] = apply
        return apply


def replace_everywhere(patch: Patch, old: object, new: object, *, within: str = "flowbot") -> None:
    """Replace `old` by `new` under every name in flowbot's modules and the tests'."""
    for module in [module for name, module in sys.modules.items() if _is_patched(name, within)]:
        for name in [name for name, value in vars(module).items() if value is old]:
            patch.setattr(module, name, new)


def _is_patched(module: str, within: str) -> bool:
    return f"{module}.".startswith(f"{within}.") or module.rpartition(".")[2].startswith("test_")

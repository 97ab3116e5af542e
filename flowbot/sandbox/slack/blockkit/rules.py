"""Rules across blocks: unique ids, and how often something may stand in one payload."""

from collections import Counter
from collections.abc import Callable, Iterator

from flowbot.sandbox.slack.blockkit.base import utf16_length
from flowbot.sandbox.slack.blockkit.surfaces import Surface
from flowbot.sandbox.slack.blocks import iter_elements
from flowbot.sandbox.slack.models import Json

_MARKDOWN_TOTAL = 12_000
_AT_MOST = {"table": 1, "data_visualization": 2}
_MODAL_ONLY = frozenset({"datetimepicker"})

Rule = Callable[[list[Json], Surface], Iterator[str]]


def iter_nested_blocks(blocks: list[Json]) -> Iterator[Json]:
    """Yield blocks and those inside containers and carousels."""
    for block in blocks:
        yield block
        children = block.get("child_blocks") or (block["elements"] if block["type"] == "carousel" else [])
        yield from iter_nested_blocks(children)


def _unique_block_ids(blocks: list[Json], _surface: Surface) -> Iterator[str]:
    counts = Counter(b["block_id"] for b in iter_nested_blocks(blocks) if "block_id" in b)
    yield from (f"block_id `{name}` already exists" for name, count in counts.items() if count > 1)


def _unique_action_ids(blocks: list[Json], _surface: Surface) -> Iterator[str]:
    for block in blocks:
        counts = Counter(p.element["action_id"] for p in iter_elements([block]) if "action_id" in p.element)
        yield from (f"action_id `{name}` already exists" for name, count in counts.items() if count > 1)


def _counts(blocks: list[Json], _surface: Surface) -> Iterator[str]:
    counts = Counter(b["type"] for b in iter_nested_blocks(blocks))
    for kind, most in _AT_MOST.items():
        if counts[kind] > most:
            yield f"only {most} {kind} allowed"


def _markdown_total(blocks: list[Json], _surface: Surface) -> Iterator[str]:
    if sum(utf16_length(b["text"]) for b in iter_nested_blocks(blocks) if b["type"] == "markdown") > _MARKDOWN_TOTAL:
        yield f"markdown blocks must be less than {_MARKDOWN_TOTAL + 1} characters in total"


def _one_focus(blocks: list[Json], _surface: Surface) -> Iterator[str]:
    if sum(bool(p.element.get("focus_on_load")) for p in iter_elements(blocks)) > 1:
        yield "only one element may have focus_on_load"


def _not_on_home(blocks: list[Json], surface: Surface) -> Iterator[str]:
    if surface == "home":
        kinds = {p.element["type"] for p in iter_elements(blocks)} & _MODAL_ONLY
        yield from (f"unsupported type: {kind}" for kind in kinds)


RULES: tuple[Rule, ...] = (
    _unique_block_ids,
    _unique_action_ids,
    _counts,
    _markdown_total,
    _one_focus,
    _not_on_home,
)


def find_violations(blocks: list[Json], surface: Surface, pointer: str) -> list[str]:
    """Return a sentence for each rule that blocks (valid one by one) break together."""
    return [f"[ERROR] {s} [json-pointer:{pointer}]" for rule in RULES for s in rule(blocks, surface)]

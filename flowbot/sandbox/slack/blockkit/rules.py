"""Rules across blocks: unique ids, and how often something may appear in a payload."""

from collections import Counter
from collections.abc import Iterator

from flowbot.sandbox.slack.blockkit.base import utf16_length
from flowbot.sandbox.slack.blockkit.surfaces import Surface
from flowbot.sandbox.slack.blocks import iter_elements
from flowbot.sandbox.slack.models import Json

_MARKDOWN_TOTAL = 12_000
_AT_MOST = {"table": 1, "data_visualization": 2}
_MODAL_ONLY = frozenset({"datetimepicker"})


def iter_nested_blocks(blocks: list[Json]) -> Iterator[Json]:
    """Yield blocks and those inside containers and carousels."""
    for block in blocks:
        yield block
        children = block.get("child_blocks") or (block["elements"] if block["type"] == "carousel" else [])
        yield from iter_nested_blocks(children)


def find_violations(blocks: list[Json], surface: Surface, pointer: str) -> list[str]:
    """Return a sentence for each rule that blocks (valid one by one) break together."""
    sentences = [*_find_duplicate_ids(blocks), *_find_excesses(blocks)]
    if surface == "home":
        types = {placed.element["type"] for placed in iter_elements(blocks)}
        sentences += [f"unsupported type: {kind}" for kind in types & _MODAL_ONLY]
    return [f"[ERROR] {sentence} [json-pointer:{pointer}]" for sentence in sentences]


def _find_duplicate_ids(blocks: list[Json]) -> Iterator[str]:
    counts = Counter(block["block_id"] for block in iter_nested_blocks(blocks) if "block_id" in block)
    yield from (f"block_id `{name}` already exists" for name, count in counts.items() if count > 1)
    for block in blocks:
        counts = Counter(p.element["action_id"] for p in iter_elements([block]) if "action_id" in p.element)
        yield from (f"action_id `{name}` already exists" for name, count in counts.items() if count > 1)


def _find_excesses(blocks: list[Json]) -> Iterator[str]:
    nested = list(iter_nested_blocks(blocks))
    counts = Counter(block["type"] for block in nested)
    yield from (f"only {most} {kind} allowed" for kind, most in _AT_MOST.items() if counts[kind] > most)
    if sum(utf16_length(block["text"]) for block in nested if block["type"] == "markdown") > _MARKDOWN_TOTAL:
        yield f"markdown blocks must be less than {_MARKDOWN_TOTAL + 1} characters in total"
    if sum(bool(placed.element.get("focus_on_load")) for placed in iter_elements(blocks)) > 1:
        yield "only one element may have focus_on_load"

"""Blocks that many messages share."""

import json

from flowbot.slack.views import block_kit
from flowbot.slack.views.cached_block import CachedBlock, count_characters, dump_blocks
from flowbot.slack.views.message import Message

BLOCK = block_kit.section(
    block_kit.plain('Kış "indirimi" 🎿\n\ud83d'),
    block_kit.overflow("flow.menu", [block_kit.option("Göster", "show:12"), block_kit.option("Düzenle", "edit:12")]),
)


def test_it_is_sent_and_counted_as_any_other_block() -> None:
    """Among others, too, and when it is sent again."""
    for _ in range(2):
        kept = [block_kit.header("2 akış"), CachedBlock(BLOCK)]
        plain = [block_kit.header("2 akış"), BLOCK]
        assert kept == plain
        assert json.loads(dump_blocks(kept)) == json.loads(json.dumps(plain))
        assert count_characters(kept) == count_characters(plain) > count_characters(plain[:1])


def test_a_shortened_message_leaves_it_whole() -> None:
    """The next message shows all of it again."""
    block = CachedBlock(block_kit.section(block_kit.plain("Everything at half the price. " * 30)))
    before = block.characters, block.json
    shortened = Message((block_kit.header("1 flow"), block)).shortened(200)
    assert count_characters(shortened.blocks) <= 200 < block.characters
    assert len(dump_blocks(shortened.blocks)) < len(block.json)
    assert (block.characters, block.json) == before == (count_characters(dict(block)), json.dumps(block))

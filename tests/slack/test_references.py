"""References that Slack puts in a typed text become names that mention nobody."""

from typing import Final

import pytest

from flowbot.domain.ids import ChannelId, GroupId, SlackId, UserId
from flowbot.slack.listeners.commands.typed_text import TypedText

NAMES: Final[dict[SlackId, str]] = {
    UserId("U0BURAK"): "Burak Demir",
    GroupId("S0LEADS"): "leads",
    ChannelId("C0GENEL"): "genel",
}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<@U0BURAK> said so", "@Burak Demir said so"),
        ("<@U0BURAK|burak>", "@Burak Demir"),
        ("<@U0OTHER|other>", "@other"),
        ("<@U0OTHER>", "@U0OTHER"),
        ("<!subteam^S0LEADS>", "@leads"),
        ("<!subteam^S0LEADS|@leads>", "@leads"),
        ("<!subteam^S0OTHER|@other>", "@other"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!date^1^{date}|1 January>", "1 January"),
        ("<#C0GENEL> <#C0GENEL|> <#C0GENEL|genel> <#C0OTHER|other>", "#genel #genel #genel #other"),
        ("<https://jira.example/KAMP-1|KAMP-1>", "KAMP-1 (https://jira.example/KAMP-1)"),
        ("<https://shop.example/|https://shop.example>", "https://shop.example"),
        ("<https://jira.example/x?id=1|KAMP-1>", "KAMP-1 (https://jira.example/x?id=1)"),
        ("<https://evil.example/|https://shop.example/>", "https://shop.example/ (https://evil.example/)"),
        ("<http://shop.example|shop.example>", "shop.example"),
        ("<https://shop.example/?a=1&amp;b=2>", "https://shop.example/?a=1&b=2"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<@nobody> <!> <#> <>", "@nobody @ # "),
        ("&lt;@U0BURAK&gt; 1 &lt; 2", "<@U0BURAK> 1 < 2"),
    ],
)
def test_a_reference_is_shown_by_its_name(sent: str, shown: str) -> None:
    assert TypedText(sent).describe(NAMES) == shown.strip()

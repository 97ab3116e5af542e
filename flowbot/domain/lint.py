"""Remarks on a push, for its author: what is allowed and probably not meant.

The lengths are rules of thumb: what common desktop and Android browsers show of a notification's text. Enkapush has no
such limit, and every browser, system and screen differs.
"""

from collections.abc import Collection
from typing import Final

from flowbot.domain import urls
from flowbot.domain.flow import FlowContent, WriteOnlyFields
from flowbot.domain.text import count_clusters
from flowbot.errors import Text

VISIBLE_TITLE_CHARS: Final = 50
VISIBLE_DESCRIPTION_CHARS: Final = 150
MAX_HOSTS_NAMED: Final = 3


def lint(
    content: FlowContent, write_only: WriteOnlyFields, *, sibling_hosts: Collection[str], utm_may_be_set: bool = False
) -> tuple[Text, ...]:
    """List what an experienced marketer would look at again.

    Args:
        content: the push.
        write_only: the typed fields that Enkapush never shows.
        sibling_hosts: the hosts of the website's other flows, as `urls.hostname` returns them.
        utm_may_be_set: the flow exists, so it may have UTM values that nobody can see: no remark on missing ones.
    """
    remarks = []
    if (length := count_clusters(content.title)) > VISIBLE_TITLE_CHARS:
        remarks.append(Text("lint.long_title", {"length": length, "shown": VISIBLE_TITLE_CHARS}))
    if (length := count_clusters(content.description)) > VISIBLE_DESCRIPTION_CHARS:
        remarks.append(Text("lint.long_description", {"length": length, "shown": VISIBLE_DESCRIPTION_CHARS}))
    host = urls.hostname(content.url).removeprefix("www.")
    usual = sorted({name.removeprefix("www.") for name in sibling_hosts if name})
    if host and usual and host not in usual:
        remarks.append(Text("lint.other_host", {"host": host, "usual": usual[:MAX_HOSTS_NAMED]}))
    has_utm = urls.has_utm(content.url)
    has_typed_utm = any((write_only.utm_source, write_only.utm_medium, write_only.utm_campaign))
    if has_utm and has_typed_utm:
        remarks.append(Text("lint.utm_twice"))
    if content.url and not (has_utm or has_typed_utm or utm_may_be_set):
        remarks.append(Text("lint.no_utm"))
    if any(urls.is_plain_http(url) for url in (content.url, content.button_1.url, content.button_2.url)):
        remarks.append(Text("lint.plain_http"))
    return tuple(remarks)

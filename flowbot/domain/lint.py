"""What is allowed and probably not meant: remarks on a push, for its author to weigh.

The lengths are rules of thumb: what common desktop and Android browsers show before they cut a notification's text.
They are no limits of Enkapush's, and every browser, system and screen has its own.
"""

from collections.abc import Collection, Iterator
from typing import Final

from flowbot.domain import urls
from flowbot.domain.flow import FlowContent, WriteOnlyFields
from flowbot.errors import Text

VISIBLE_TITLE_CHARS: Final = 50
VISIBLE_DESCRIPTION_CHARS: Final = 150
MAX_HOSTS_NAMED: Final = 3


def lint(
    content: FlowContent, unread: WriteOnlyFields, *, sibling_hosts: Collection[str], utm_may_be_set: bool = False
) -> tuple[Text, ...]:
    """What an experienced marketer would look at again.

    Args:
        content: the push.
        unread: what was typed of that which Enkapush never tells.
        sibling_hosts: the hosts that the website's other flows lead to, as `links.host` gives them.
        utm_may_be_set: the flow exists, so it may hold UTM values that cannot be seen: their want is not remarked on.
    """
    found = [*_lengths(content), *_other_host(content, sibling_hosts)]
    if not utm_may_be_set:
        found += _no_utm(content, unread)
    return (*found, *_plain_http(content))


def _lengths(content: FlowContent) -> Iterator[Text]:
    if len(content.title) > VISIBLE_TITLE_CHARS:
        yield Text("lint.long_title", {"length": len(content.title), "shown": VISIBLE_TITLE_CHARS})
    if len(content.description) > VISIBLE_DESCRIPTION_CHARS:
        yield Text("lint.long_description", {"length": len(content.description), "shown": VISIBLE_DESCRIPTION_CHARS})


def _other_host(content: FlowContent, sibling_hosts: Collection[str]) -> Iterator[Text]:
    usual = sorted({name.lower().removeprefix("www.") for name in sibling_hosts if name})
    own = urls.hostname(content.url)
    if own and usual and own not in usual:
        yield Text("lint.other_host", {"host": own, "usual": usual[:MAX_HOSTS_NAMED]})


def _no_utm(content: FlowContent, unread: WriteOnlyFields) -> Iterator[Text]:
    typed = unread.utm_source or unread.utm_medium or unread.utm_campaign
    if content.url and not typed and not urls.has_utm(content.url):
        yield Text("lint.no_utm")


def _plain_http(content: FlowContent) -> Iterator[Text]:
    if any(urls.is_plain_http(url) for url in (content.url, content.button_1.url, content.button_2.url)):
        yield Text("lint.plain_http")

"""Web addresses as browsers read them (https://url.spec.whatwg.org): validity, host and UTM parameters."""

from typing import Final

import ada_url
import regex

_START: Final = regex.compile(r"https?://[^/\\]", regex.IGNORECASE)
_UNSEEN: Final = regex.compile(r"[\s\p{Cc}\p{Cs}]|(?!(?<=[^\x00-\x7f])[\u200c\u200d\ufe0f])\p{DI}")
"""Blanks, controls and Unicode's ignorable characters, but for joiners that other scripts and pictures need."""
_NAME: Final = regex.compile(r"(?=.{1,254}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
"""A name as DNS takes it; in the standard's form, which has no other letters."""
_FAMILIAR: Final = regex.compile(r"[a-z0-9._\-\u00df-\u017f]*")
"""A host in Latin letters, as European languages have them."""


def is_web_url(url: str) -> bool:
    """Check for an http or https URL that browsers open, without anything that nobody sees."""
    parts = _parse(url)
    if parts is None or _START.match(url) is None or _UNSEEN.search(url) is not None:
        return False
    return parts.hostname.startswith("[") or _NAME.fullmatch(parts.hostname) is not None


def hostname(url: str) -> str:
    """Return the host that a browser opens, as it shows it; empty where there is none.

    A name in other letters than Latin ones stays encoded (`xn--…`), since it may look like another.
    """
    parts = _parse(url)
    if parts is None or "xn--" not in parts.hostname:
        return "" if parts is None else parts.hostname
    decoded = ada_url.idna_to_unicode(parts.hostname)
    return decoded if _FAMILIAR.fullmatch(decoded) else parts.hostname


def is_plain_http(url: str) -> bool:
    """Check whether the URL leads to a page without encryption."""
    parts = _parse(url)
    return parts is not None and parts.protocol == "http:"


def has_utm(url: str) -> bool:
    """Check the URL's query for a UTM parameter, in small letters or in capitals."""
    parts = _parse(url)
    names = ada_url.URLSearchParams(parts.search).keys() if parts else ()
    return any(name.lower().startswith("utm_") for name in names)


def _parse(url: str) -> ada_url.URL | None:
    """Take an address apart as a browser does; None for one that it refuses."""
    try:
        return ada_url.URL(url)
    except ValueError:
        return None

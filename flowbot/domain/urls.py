"""Web addresses: validity, host and UTM parameters."""

import unicodedata
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

_HOST_SIGNS: Final = "-_\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Allowed in host names beside letters and digits; scripts need the joiners (RFC 5892, appendix A)."""


def is_web_url(url: str) -> bool:
    """Check for a well-formed http or https URL with a host, without blanks or control characters."""
    if any(character.isspace() or unicodedata.category(character) in {"Cc", "Cs"} for character in url):
        return False
    parts = _split(url)
    return parts is not None and parts.scheme in {"http", "https"} and _is_hostname(parts.hostname or "")


def hostname(url: str) -> str:
    """Return the URL's host in small letters without `www.`; empty where it has none."""
    parts = _split(url)
    return ((parts.hostname if parts else None) or "").removeprefix("www.")


def is_plain_http(url: str) -> bool:
    """Check whether the URL leads to a page without encryption."""
    parts = _split(url)
    return parts is not None and parts.scheme == "http"


def has_utm(url: str) -> bool:
    """Check the URL's query for a UTM parameter."""
    parts = _split(url)
    return parts is not None and any(name.startswith("utm_") for name, _ in parse_qsl(parts.query))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check: a port that is no number raises
    except ValueError:
        return None
    return parts


def _is_hostname(name: str) -> bool:
    """Check for labels of letters and digits of any script; `urlsplit` has checked an IPv6 address already."""
    return ":" in name or all(
        label
        and all(
            character.isalnum() or character in _HOST_SIGNS or unicodedata.category(character).startswith("M")
            for character in label
        )
        for label in name.removesuffix(".").split(".")
    )

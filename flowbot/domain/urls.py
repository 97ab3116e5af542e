"""Web addresses: validity, host and UTM parameters."""

import unicodedata
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Allowed in host names of scripts that need them (RFC 5892, appendix A)."""


def is_web_url(url: str) -> bool:
    """Whether it is a well-formed http or https URL with a host, without blanks or control characters."""
    if any(character.isspace() or unicodedata.category(character) in {"Cc", "Cs"} for character in url):
        return False
    parts = _split(url)
    return parts is not None and parts.scheme in {"http", "https"} and _is_host(parts.hostname or "")


def hostname(url: str) -> str:
    """The URL's host in small letters, without a `www.` before it; empty where there is none."""
    parts = _split(url)
    return ((parts.hostname if parts else None) or "").removeprefix("www.")


def is_plain_http(url: str) -> bool:
    """Whether the URL leads to a page without encryption."""
    parts = _split(url)
    return parts is not None and parts.scheme == "http"


def has_utm(url: str) -> bool:
    """Whether the URL's query holds a UTM parameter."""
    parts = _split(url)
    return parts is not None and any(name.startswith("utm_") for name, _ in parse_qsl(parts.query))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check: a port that is no number raises
    except ValueError:
        return None
    return parts


def _is_host(name: str) -> bool:
    """Whether it may be a host: labels of letters and digits of any script. The split has checked an IPv6 address."""
    return ":" in name or all(label and all(map(_in_label, label)) for label in name.removesuffix(".").split("."))


def _in_label(character: str) -> bool:
    return character.isalnum() or character in "-_" + _JOINERS or unicodedata.category(character).startswith("M")

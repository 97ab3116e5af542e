"""Refusals, named by Slack's own error codes."""

from typing import Any


class SlackError(Exception):
    """A Web API refusal: `{"ok": false, "error": code, **extra}`.

    Args:
        code: Slack's error code, such as `channel_not_found`.
        extra: Further fields of the answer, such as `needed` and `provided`.
    """

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """Return the JSON body that Slack answers with."""
        return {"ok": False, "error": self.code, **self.extra}


def invalid(code: str, messages: list[str]) -> SlackError:
    """Return a refusal that lists the errors of a request, as `response_metadata.messages`."""
    return SlackError(code, response_metadata={"messages": messages})

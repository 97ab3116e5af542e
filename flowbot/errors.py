"""Texts for people, and the errors, which carry them.

Every exception of flowbot, by base class; those with a module's name beside them are defined there:

Exception
├── FlowbotError                    can be told to a person in a sentence
│   ├── UserError                   a person's mistake, or something not allowed: nothing is broken
│   │   ├── NoSuchFlowError         services.authorization
│   │   ├── RequestOpenError        services.approvals.wish
│   │   ├── IncompleteWishError     services.approvals.wish
│   │   │   ├── TimesPastError      services.approvals.wish
│   │   │   └── ReasonNeededError   services.approvals.wish
│   │   ├── StepOverError           services.ports.reports
│   │   ├── TimeQuestionError       domain.when
│   │   └── ModalNotOpenedError     slack.api.modals
│   ├── DependencyError             flowbot, its database, Slack or Enkapush failed: logged, told with an incident id
│   │   ├── DatabaseFaultError      the database did not answer, or holds what cannot be read
│   │   │   ├── DatabaseFullError
│   │   │   ├── DatabaseUnusableError
│   │   │   │   └── DatabaseDamagedError
│   │   │   ├── CommitUnsureError
│   │   │   └── UnreadableRowError
│   │   ├── SlackFaultError         Slack did not answer, or refused
│   │   │   ├── AnswerLostError     slack.api.messages
│   │   │   └── TokenRefusedError   slack.api.token
│   │   ├── EnkapushFaultError      an EnkapushError, as people and `/readyz` hear of it
│   │   │   └── UnreadableFlowError services.ports.enkapush
│   │   └── ImageLostError          services.ports.enkapush
│   └── WriteRefusedError           services.ports.enkapush
├── ConfigurationError              whoever deploys has to act: one line, exit status 2
│   ├── DatabaseUrlError            storage.engine
│   ├── DatabaseInUseError          storage.database_copy
│   ├── DatabaseCopyError           storage.database_copy
│   └── PolicyFileError             services.policy_files
├── VersionConflictError            services.ports.changes
├── ReportConflictError             services.ports.reports
├── FlowBusyError                   services.ports.changes
├── FlowClaimedError                services.ports.changes
├── FlowsMovedError                 services.ports.readings
├── WatchLostError                  services.ports.readings
├── MalformedCellError              storage.unreadable
├── WriteUnclearError               services.ports.enkapush
├── AlreadyDecidedError             services.approvals.decide
├── LeaseLostError                  services.executor.lease
├── RulesChangedError               services.executor.context
├── PolicyChangedError              services.policy_setup
├── PolicyRefusedError              services.policy_setup
├── MessageGoneError                slack.api.messages
├── MessageRefusedError             slack.api.messages
├── BlocksRefusedError              slack.api.message_sender
├── SlackClientError                slack_sdk's
│   └── UnreadableAnswerError       slack.api.errors
├── CheckFailedError                diagnostics.results
└── EnkapushError                   enkapush.client.errors, which draws its own tree
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people, in no language yet.

    Attributes:
        key: The message's key in the translations.
        params: The values of its placeholders: foreign text is data, never markup; a list is shown as a list.
    """

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


class FlowbotError(Exception):
    """A failure that can be told to a person: in the sentence `text`.

    Args:
        text: the sentence, or its message's key.
        params: the values of the message's placeholders, with a key.
    """

    def __init__(self, text: Text | str, /, **params: Any) -> None:
        self.text = text if isinstance(text, Text) else Text(text, params)
        super().__init__(self.text.key)

    def __str__(self) -> str:
        """Return the key and its parameters for the log, without lists: they hold what exists, not what was asked."""
        shown = {name: value for name, value in self.text.params.items() if not isinstance(value, list | tuple)}
        detail = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"{self.text.key}({detail})"


class UserError(FlowbotError):
    """A person's mistake, or something that is not allowed. Not logged as an error."""


class DependencyError(FlowbotError):
    """A failure of flowbot's own or of what it depends on. The cause (`raise … from`) goes to the log only.

    Attributes:
        status: One word for it, as `/readyz` answers.
    """

    status: str = "down"


class DatabaseFaultError(DependencyError):
    """The database did not answer, or what it holds cannot be read."""

    key: str = "fault.database"

    def __init__(self) -> None:
        super().__init__(self.key)


class DatabaseFullError(DatabaseFaultError):
    """The database's disk is full: nothing was written."""

    key = "fault.database_full"
    status = "full"


class DatabaseUnusableError(DatabaseFaultError):
    """The database cannot be written, or its file is not where it was: nothing was written, and waiting is no help."""

    key = "fault.database_unusable"
    status = "unusable"


class DatabaseDamagedError(DatabaseUnusableError):
    """The database's file is damaged, or a table or column is missing: nothing was written."""

    key = "fault.database_damaged"
    status = "damaged"


class CommitUnsureError(DatabaseFaultError):
    """The answer to a commit was lost: what was to be written may be there or not."""

    key = "fault.database_unsure"
    status = "unsure"


class UnreadableRowError(DatabaseFaultError):
    """A row of the database cannot be read. It stays as it is, and another version of flowbot may read it.

    Attributes:
        table: The table's name.
        row: The row's key; a tuple where that is of several columns.
        reason: What is malformed, for the log, without the value.
    """

    def __init__(self, table: str, row: Any, reason: str) -> None:
        self.table, self.row, self.reason = table, row, reason
        keys = {"changes": "fault.row_changes", "channel_policies": "fault.row_channel_policies"}
        self.key = keys.get(table, "fault.row")
        super().__init__()

    @property
    def name(self) -> str:
        """Return the row's key as a text that every log and terminal takes."""
        parts = self.row if isinstance(self.row, tuple) else (self.row,)
        return "/".join(part if isinstance(part, str) and part.isprintable() else ascii(part) for part in parts)


REFUSED_TOKEN: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)
"""Slack's errors where it refuses the token itself."""


class SlackFaultError(DependencyError):
    """Slack did not answer, or refused.

    Attributes:
        code: Slack's error, such as `channel_not_found`, or what else went wrong.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__("fault.slack_token" if code in REFUSED_TOKEN else "fault.slack", error=code)


EnkapushStatus = Literal["key", "busy", "slow", "down", "broken"]
"""What is wrong with Enkapush; `broken` is an answer that cannot be read, `key` a refused API key."""


class EnkapushFaultError(DependencyError):
    """Enkapush did not answer as it should."""

    def __init__(self, status: EnkapushStatus) -> None:
        self.status = status
        # Keys: fault.enkapush_key, fault.enkapush_busy, fault.enkapush_slow, fault.enkapush_down, fault.enkapush_broken
        super().__init__(f"fault.enkapush_{status}")


class ConfigurationError(Exception):
    """A setting is missing, malformed or refused. The message is one line that names it and holds no secret."""


def describe_os_error(error: OSError) -> str:
    """Return the system's own words for an error, without the address that asyncio adds to them."""
    # An error of getaddrinfo has a negative number, of which its own text alone knows the meaning.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__

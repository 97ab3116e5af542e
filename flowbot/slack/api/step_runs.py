"""The runs of workflows' steps: completed with outputs, or failed with a sentence."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.errors import SlackFaultError
from flowbot.slack.api.errors import PASSING, SLACK_ERRORS, error_code

OVER: Final = frozenset({"function_execution_not_found", "execution_not_in_running_state"})
"""Slack's words for a run that has ended: by an earlier call whose answer was lost, or since its workflow did."""
OUTPUTS_REFUSED: Final = "parameter_validation_failed"

log = structlog.get_logger(__name__)


class StepRuns:
    """Completes runs of steps, or lets them fail, each once: Slack takes nothing for a run that has ended.

    Args:
        client: the Web API, as the bot: the token that came with a step is never used.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def complete(self, execution: str, outputs: Mapping[str, Any], otherwise: str) -> None:
        """Complete a run with its outputs; where the app's manifest has others, let it fail with a sentence.

        Raises:
            DependencyError: Slack did not answer, or may take it later.
        """
        try:
            await self._client.functions_completeSuccess(function_execution_id=execution, outputs=dict(outputs))
        except SLACK_ERRORS as error:
            if error_code(error) == OUTPUTS_REFUSED:
                log.warning("step.outputs_refused", execution=execution)
                await self.fail(execution, otherwise)
                return
            _check_refusal(error, execution)

    async def fail(self, execution: str, sentence: str) -> None:
        """Let a run fail, for a reason that its workflow's people read.

        Raises:
            DependencyError: Slack did not answer, or may take it later.
        """
        try:
            await self._client.functions_completeError(function_execution_id=execution, error=sentence)
        except SLACK_ERRORS as error:
            _check_refusal(error, execution)


def _check_refusal(error: Exception, execution: str) -> None:
    """Return where nothing is left to tell: the run has ended, or Slack will never take it.

    Raises:
        DependencyError: Slack may take it later.
    """
    code = error_code(error)
    if not isinstance(error, SlackApiError) or code in PASSING:
        raise SlackFaultError(code) from error
    if code not in OVER:
        log.warning("step.refused", execution=execution, error=code)

"""Steps of the app's in workflows: which there are, and how each run of one ended."""

from dataclasses import dataclass, field
from typing import Any, Literal

from flowbot.sandbox.slack.errors import SlackError, invalid
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.workspace import generate_id

EVENT = "function_executed"
_PYTHON_TYPES: dict[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}


@dataclass
class StepRun:
    """One run of a step: its execution.

    Attributes:
        callback_id: The step's id in the manifest.
        inputs: What the workflow filled its inputs with.
        state: `running` until the app completes it.
        outputs: What the app completed it with.
        error: The sentence with which the app let it fail.
        token: The token of this run, which Slack sends along.
    """

    id: str
    callback_id: str
    inputs: Json
    token: str
    state: Literal["running", "completed", "failed"] = "running"
    outputs: Json = field(default_factory=dict)
    error: str | None = None


class Workflows:
    """The app's steps, and their runs."""

    def __init__(self) -> None:
        self.functions: dict[str, Json] = {}
        self.runs: dict[str, StepRun] = {}

    def install(self, manifest: Json) -> None:
        """Take the steps of a manifest.

        Raises:
            SlackError: `invalid_manifest`: it has steps, and not what they need.
        """
        settings = manifest["settings"]
        needed = {"function_runtime": "remote", "org_deploy_enabled": True}
        has_all = needed.items() <= settings.items() and EVENT in settings["event_subscriptions"]["bot_events"]
        if manifest.get("functions") and not has_all:
            raise SlackError("invalid_manifest")
        self.functions = manifest.get("functions", {})

    def begin(self, callback_id: str, inputs: Json) -> StepRun:
        """Begin a run of a step.

        Raises:
            SlackError: `function_not_found`: the app has no such step.
        """
        if callback_id not in self.functions:
            raise SlackError("function_not_found")
        run = StepRun(generate_id("Fx"), callback_id, inputs, f"xwfp-{generate_id('')}-{generate_id('')}")
        self.runs[run.id] = run
        return run

    def find_running(self, run_id: str) -> StepRun:
        """Return a run that may be completed.

        Raises:
            SlackError: `function_execution_not_found`, or `execution_not_in_running_state`.
        """
        run = self.runs.get(run_id)
        if run is None:
            raise SlackError("function_execution_not_found")
        if run.state != "running":
            raise SlackError("execution_not_in_running_state")
        return run

    def check_outputs(self, run: StepRun, outputs: Json) -> None:
        """Check outputs against those that the manifest has.

        Raises:
            SlackError: `parameter_validation_failed`, naming those that are missing, unknown or of another type.
        """
        known = self.functions[run.callback_id]["output_parameters"]
        problems = [f"unexpected output: {name}" for name in outputs if name not in known]
        for name, parameter in known.items():
            if name not in outputs:
                problems += [f"missing output: {name}"] if parameter["is_required"] else []
            elif not _is_of_type(outputs[name], parameter["type"]):
                problems.append(f"{name} is no {parameter['type']}")
        if problems:
            raise invalid("parameter_validation_failed", problems)


def _is_of_type(value: Any, kind: str) -> bool:
    """Check whether a value is of a parameter's type; ids are texts."""
    expected = _PYTHON_TYPES.get(kind, str)
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))

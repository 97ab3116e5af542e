"""What a form carries unseen: which form it is, and where it was opened. Rights are decided afresh when it is sent."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowbot.domain.fields import FormKind
from flowbot.domain.ids import ChannelId, FlowId, FormToken, WebsiteId

Short = Annotated[str, Field(max_length=150)]


class Unseen(BaseModel):
    """What some form of flowbot's carries unseen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From text; None where it is not this form's."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


class FormMetadata(Unseen):
    """A form's identity.

    Attributes:
        token: The form's own: what is sent with it twice is one change.
        channel: Where it was opened: whose policy counts.
        flow: The flow that is edited or duplicated.
        locale, timezone: How the author reads.
        website: Whose segments it offers; `FlowForm.build` sets it.
        image: The id of a picture that is kept already; `FlowForm.build` sets it.
        turn: Grows when the form is filled anew, which gives its fields new ids: Slack keeps what was typed as long as
            the ids stay.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: Annotated[FormToken, Field(min_length=1, max_length=150)]
    kind: FormKind
    channel: ChannelId
    flow: FlowId | None = None
    locale: Short | None = None
    timezone: Short | None = None
    website: WebsiteId | None = None
    image: Short = ""
    turn: Annotated[int, Field(ge=0)] = 0

    def anew(self) -> Self:
        """For the same form with its fields filled anew, whatever was typed into them."""
        return self.model_copy(update={"turn": self.turn + 1})

    def dump(self) -> str:
        """As text."""
        return self.model_dump_json(exclude_defaults=True)

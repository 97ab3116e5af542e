"""Envelopes: what Enkapush's answers put around records (the API's page "Akışlar")."""

from contextlib import suppress
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidatorFunctionWrapHandler, WrapValidator

from flowbot.enkapush.client.models import Id, Record

R = TypeVar("R", bound=Record)


def _none_if_unreadable(value: object, parse: ValidatorFunctionWrapHandler) -> object:
    with suppress(ValueError):
        return parse(value)
    return None


_Number = Annotated[Annotated[int, Field(ge=0)] | None, WrapValidator(_none_if_unreadable)]


class Meta(BaseModel):
    """A list's counts, each None where it is left out or makes no sense."""

    results_per_page: _Number = None
    total: _Number = None
    total_pages: _Number = None


class LooseList(BaseModel):
    """A page of a list, whatever its items are."""

    data: tuple[Any, ...]
    meta: Meta


class Single(BaseModel, Generic[R]):
    """One record."""

    data: R


class Identity(BaseModel):
    """What can be told of a record that cannot be read whole; None where that is unreadable too."""

    id: Annotated[Id | None, WrapValidator(_none_if_unreadable)] = None
    website_id: Annotated[Id | None, WrapValidator(_none_if_unreadable)] = None


class LooseSingle(BaseModel):
    """One record, as far as it can be told which."""

    data: Annotated[Identity, BeforeValidator(lambda value: value if isinstance(value, dict) else {})]


class _WrittenId(BaseModel):
    id: Id


class Written(BaseModel):
    """The answer to a write: the id of its record."""

    data: _WrittenId

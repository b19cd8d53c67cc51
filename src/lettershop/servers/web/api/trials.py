"""A campaign before it goes: previews for one person, tests to a few addresses."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.frame import (
    INTEGRAL,
    LARGEST,
    LARGEST_IN_JSON,
    HaveMarketing,
    Id,
    Input,
    Output,
    may,
    whole_number,
)

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Reader = Annotated[Caller, may("campaigns")]
Writer = Annotated[Caller, may("campaigns", write=True)]


class Preview(Output):
    """A message as one person would get it. `bytes`: its size as sent; `person`: for whom it was made, empty: for nobody."""

    subject: str
    sender: str
    html: str
    text: str
    bytes: int
    person: str


class Trial(Input):
    """Who gets a test, made for the subscriber `subscriber_id` or, without one, with the fall-backs of the template."""

    to: Annotated[list[Annotated[str, EMAIL]], Field(min_length=1, max_length=10)]
    subscriber_id: Annotated[int, Field(ge=1, le=LARGEST_IN_JSON), INTEGRAL] | None = None


class TrialSent(Output):
    """The addresses to which a test is on its way."""

    to: list[str]


@router.get("/{campaign_id:int}/preview")
async def preview(
    caller: Reader, have: HaveMarketing, campaign_id: Id,
    subscriber_id: Annotated[int | None, Query(ge=1, le=LARGEST), BeforeValidator(whole_number)] = None,
) -> Preview:  # fmt: skip
    """The message as a subscriber would get it."""
    found = await have.trials.preview(caller.workspace_id, campaign_id, subscriber_id)
    return Preview.model_validate(asdict(found))


@router.post("/{campaign_id:int}/test", status_code=202)
async def test(caller: Writer, have: HaveMarketing, campaign_id: Id, trial: Trial) -> TrialSent:
    """Send a test to a few addresses: marked as such, nothing is counted, its unsubscribe link belongs to nobody."""
    return TrialSent(to=await have.trials.send(caller.workspace_id, campaign_id, trial.to, trial.subscriber_id))

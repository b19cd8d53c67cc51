"""The journey of one recipient's message: handed over, tried, delivered, opened, clicked, replied, bounced, in one timeline."""

from typing import Annotated, Any

from fastapi import APIRouter

from lettershop.mail.api_tokens import Caller
from lettershop.mail.journey import Journey as Found
from lettershop.servers.web.api import queue
from lettershop.servers.web.api.frame import Have, Id, Output, may
from lettershop.servers.web.api.moments import told_always

router_of_queue = APIRouter(prefix="/queue", tags=["queue"])
router_of_campaigns = APIRouter(prefix="/campaigns", tags=["campaigns"])
QueueReader = Annotated[Caller, may("queue")]
Reader = Annotated[Caller, may("campaigns")]


class Step(Output):
    """Something that happened. `kind`: HandedOver, or a kind of event; `words`: in plain words; `answer`: what a server said;

    `machine`: whether a machine opened or clicked, null where that is no question; `data`: the event's own fields.
    """

    at: str
    kind: str
    words: str
    answer: str
    machine: bool | None
    data: dict[str, Any]


class Journey(Output):
    """A message for one recipient, from the hand-over on, in the order of time."""

    message: queue.Shown
    steps: list[Step]


def _journey(found: Found) -> Journey:
    steps = [
        Step(at=told_always(step.at), kind=step.kind, words=step.words, answer=step.answer, machine=step.machine,
             data=dict(step.data))
        for step in found.steps
    ]  # fmt: skip
    return Journey(message=queue.Shown(**queue.values(found.envelope, found.why), dialogue=found.dialogue), steps=steps)


@router_of_queue.get("/{envelope_id:int}/journey")
async def of_message(caller: QueueReader, have: Have, envelope_id: Id) -> Journey:
    """By the number of the message in the queue; also after it has left it."""
    return _journey(await have.journeys.of_envelope(envelope_id, workspace_id=queue.own(caller)))


@router_of_campaigns.get("/{campaign_id:int}/recipients/{envelope_id:int}/journey")
async def of_recipient(caller: Reader, have: Have, campaign_id: Id, envelope_id: Id) -> Journey:
    """Of a recipient of a campaign, by `envelope_id` of its recipients."""
    found = await have.journeys.in_campaign(campaign_id, envelope_id, workspace_id=caller.workspace_id)
    return _journey(found)

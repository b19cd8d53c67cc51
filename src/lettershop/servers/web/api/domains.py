"""Hosted and sending domains: their DNS records, and what DNS says of them."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Path as InPath

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import DOMAIN, DOMAIN_PATTERN
from lettershop.servers.web.api.frame import Have, Input, Output, Page, may
from lettershop.servers.web.api.moments import told_always
from lettershop.store.accounts import Domain as Row

router = APIRouter(prefix="/domains", tags=["domains"])
Reader = Annotated[Caller, may("domains")]
Writer = Annotated[Caller, may("domains", write=True)]

DomainPath = Annotated[str, InPath(pattern=DOMAIN_PATTERN, max_length=200)]


class NewDomain(Input):
    """A domain to add. `hosted`: mail for it is taken in here too."""

    name: Annotated[str, DOMAIN]
    hosted: bool = True


class Domain(Output):
    """A domain."""

    name: str
    hosted: bool
    sending: bool
    created_at: str


class Record(Output):
    """A DNS record to set, and what was found in its place."""

    name: str
    type: str
    value: str
    why: str
    verdict: Literal["ok", "missing", "different", "unknown"] | None = None
    found: list[str] | None = None
    remedy: str | None = None


class Records(Output):
    """The records of a domain. `zone`: the same as zone-file text."""

    records: list[Record]
    zone: str


def _domain(row: Row) -> Domain:
    return Domain(name=row.name, hosted=row.hosted, sending=row.sending, created_at=told_always(row.created_at))


@router.get("")
async def list_(caller: Reader, have: Have) -> Page[Domain]:
    """The workspace's domains; the operator sees all."""
    found = await have.directory.domains(caller.workspace_id, everything=caller.operator)
    return Page[Domain](items=[_domain(row) for row in found], next_cursor=None)


@router.post("", status_code=201)
async def create(caller: Writer, have: Have, new: NewDomain) -> Domain:
    """Add a domain with fresh DKIM keys."""
    return _domain(await have.accounts.add_domain(new.name, workspace_id=caller.workspace_id, hosted=new.hosted))


@router.get("/{name}")
async def get(caller: Reader, have: Have, name: DomainPath) -> Domain:
    """One domain."""
    return _domain(await have.directory.domain(caller.workspace_id, name, everything=caller.operator))


@router.get("/{name}/dns")
async def dns(caller: Reader, have: Have, name: DomainPath) -> Records:
    """The records to set."""
    await have.directory.domain(caller.workspace_id, name, everything=caller.operator)
    records = await have.records(name)
    zone = "".join(f"{record.zone_line()}\n" for record in records)
    items = [Record(name=one.name, type=one.type, value=one.value, why=one.why) for one in records]
    return Records(records=items, zone=zone)


@router.get("/{name}/check")
async def check(caller: Reader, have: Have, name: DomainPath) -> Records:
    """Look the records up; a verdict for each."""
    await have.directory.domain(caller.workspace_id, name, everything=caller.operator)
    findings = await have.dns(name)
    zone = "".join(f"{finding.record.zone_line()}\n" for finding in findings)
    items = [
        Record(name=one.record.name, type=one.record.type, value=one.record.value, why=one.record.why,
               verdict=one.verdict, found=list(one.found), remedy=one.remedy)
        for one in findings
    ]  # fmt: skip
    return Records(records=items, zone=zone)

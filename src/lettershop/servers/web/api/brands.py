"""Brands: who mail is from."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL, EMAIL_PATTERN
from lettershop.servers.web.api.frame import HaveMarketing, Input, Name, Output, Page, may, words

router = APIRouter(prefix="/brands", tags=["brands"])
BrandReader = Annotated[Caller, may("brands")]
BrandWriter = Annotated[Caller, may("brands", write=True)]


class BrandFields(Input):
    """A brand's fields."""

    from_name: Annotated[str, words(200, 1)]
    from_address: Annotated[str, EMAIL]
    reply_to: Annotated[str, Field(pattern=rf"^$|{EMAIL_PATTERN}")] = ""
    postal_address: Annotated[str, words(500)] = ""


class NewBrand(BrandFields):
    """A brand to make or to bring up to date, by its name."""

    name: Name


class Brand(Output):
    """Who mail is from."""

    id: int
    name: str
    from_name: str
    from_address: str
    reply_to: str
    postal_address: str


@router.get("")
async def brands(caller: BrandReader, have: HaveMarketing) -> Page[Brand]:
    """The brands, by name."""
    found = await have.brands.all(caller.workspace_id)
    return Page[Brand](items=[Brand.model_validate(one) for one in found], next_cursor=None)


@router.post("", status_code=201)
async def put_brand(caller: BrandWriter, have: HaveMarketing, new: NewBrand) -> Brand:
    """Make a brand, or bring the one of this name up to date."""
    values = new.model_dump(exclude={"name"})
    return Brand.model_validate(await have.brands.put(caller.workspace_id, new.name, values))

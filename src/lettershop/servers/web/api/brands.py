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


Settings = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Annotated[str, words(2000)]],
    Field(max_length=100, json_schema_extra={"additionalProperties": False}),
]


class BrandFields(Input):
    """A brand's fields. `settings`, such as `logo` and `primary`, are `{{ brand_logo }}` in templates; null: as they are."""

    from_name: Annotated[str, words(200, 1)]
    from_address: Annotated[str, EMAIL]
    reply_to: Annotated[str, Field(pattern=rf"^$|{EMAIL_PATTERN}")] = ""
    postal_address: Annotated[str, words(500)] = ""
    settings: Settings | None = None


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
    settings: dict[str, str]


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

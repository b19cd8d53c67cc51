"""The public archive of a list: what was sent to it, as everybody may read it, and as a feed.

    /archive/LIST            the campaigns, newest first
    /archive/LIST/CAMPAIGN   one of them, made for nobody: fall-backs instead of names, no pixel, no tracked link
    /archive/LIST/feed.xml   the newest as Atom (RFC 4287)

Only lists that are public and switched their archive on have one. Where a message leads out of the list, its page leads to the
list's form instead.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy import Connection

from lettershop.base.errors import LettershopError
from lettershop.marketing.content import Design
from lettershop.marketing.design import design_of
from lettershop.marketing.media import in_browser
from lettershop.marketing.render import Person, compile_design, merge_fields
from lettershop.marketing.template import TemplateInvalid
from lettershop.marketing.templates import fill
from lettershop.store import archive as rows
from lettershop.store import workspaces
from lettershop.store.archive import PublicList
from lettershop.store.campaigns import Campaign
from lettershop.store.database import Database

PAGE = 30
KEPT = 50
"""Pages kept in memory."""
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 2.2


@dataclass(frozen=True, slots=True)
class Letter:
    """One campaign in the archive. `at`: when it was sent."""

    id: int
    subject: str
    summary: str
    brand: str
    at: float
    url: str

    @property
    def day(self) -> str:
        """When it was sent, as a date."""
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """A page of the archive. `older`: where it goes on, or empty."""

    list_name: str
    letters: tuple[Letter, ...]
    url: str
    feed: str
    subscribe: str
    older: str


class Archive:
    """One per process. `public_url` is what addresses start with."""

    def __init__(self, main: Database, public_url: str) -> None:
        self._main = main
        self._url = public_url.rstrip("/")
        self._pages: dict[tuple[int, int], str | None] = {}

    async def page(self, list_id: int, before: int | None = None) -> ArchivePage | None:
        """A page of what was sent to a list; None: it has no archive."""
        found = await self._main.read(_page, list_id, before, self._url)
        if found is None:
            return None
        listed, letters = found
        url = self._address(list_id)
        older = f"{url}?before={letters[-1].id}" if len(letters) == PAGE else ""
        subscribe = f"{self._url}/subscribe/{list_id}"
        return ArchivePage(listed.name, tuple(letters), url, f"{url}/feed.xml", subscribe, older)

    async def letter(self, list_id: int, campaign_id: int) -> str | None:
        """One campaign as HTML; None: it is not there, or cannot be made for nobody."""
        found = await self._main.read(_one, list_id, campaign_id, self._url)
        if found is None:
            return None
        campaign, design = found
        key = (campaign.id, campaign.version)
        if key not in self._pages:
            if len(self._pages) >= KEPT:
                self._pages.clear()
            url = f"{self._address(list_id)}/{campaign_id}"
            self._pages[key] = await asyncio.to_thread(_for_nobody, replace(design, public_page=url))
        return self._pages[key]

    async def feed(self, list_id: int) -> bytes | None:
        """The newest as Atom; None: the list has no archive."""
        page = await self.page(list_id)
        return atom(page).encode() if page is not None else None

    def _address(self, list_id: int) -> str:
        return f"{self._url}/archive/{list_id}"


def _page(conn: Connection, list_id: int, before: int | None, url: str) -> tuple[PublicList, list[Letter]] | None:
    listed = rows.public_list(conn, list_id)
    if listed is None:
        return None
    found = rows.page(conn, list_id, before=before, limit=PAGE)
    names = {brand.id: brand.name for brand in workspaces.brands_of(conn, listed.workspace_id)}
    return listed, [_letter(one, names.get(one.brand_id, ""), listed, url) for one in found]


def _letter(campaign: Campaign, brand: str, listed: PublicList, url: str) -> Letter:
    values = {"brand": brand, "list_name": listed.name}
    return Letter(
        campaign.id, _filled(campaign.subject, values) or campaign.name, _filled(campaign.preheader, values), brand,
        campaign.started_at or campaign.created_at, f"{url}/archive/{listed.id}/{campaign.id}",
    )  # fmt: skip


def _filled(source: str, values: dict[str, str]) -> str:
    """A line of a campaign as somebody unknown would read it; empty where it cannot be made."""
    try:
        return " ".join(fill(source, values, html=False).split())
    except TemplateInvalid:
        return ""


def _one(conn: Connection, list_id: int, campaign_id: int, url: str) -> tuple[Campaign, Design] | None:
    listed = rows.public_list(conn, list_id)
    campaign = rows.one(conn, list_id, campaign_id) if listed is not None else None
    design = design_of(conn, campaign, url) if campaign is not None else None
    return (campaign, design) if campaign is not None and design is not None else None


def _for_nobody(design: Design) -> str | None:
    plain = replace(design, track_opens=False, track_clicks=False)
    try:
        page = compile_design(plain).page(Person("", "", "", 0.0, merge_fields("", "", {})))
    except LettershopError:
        return None
    return in_browser(page, design)


def atom(page: ArchivePage) -> str:
    """The feed of an archive (RFC 4287 4.1.1). Its ids are the addresses, which do not change."""
    newest = max((letter.at for letter in page.letters), default=0.0)
    entries = "".join([_entry(letter) for letter in page.letters])
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{_text(page.url)}</id><title>{_text(page.list_name)}</title><updated>{_moment(newest)}</updated>\n"
        f'<link rel="self" href={_value(page.feed)}/><link rel="alternate" type="text/html" href={_value(page.url)}/>\n'
        f"{_authors(page.letters, page.list_name)}{entries}</feed>\n"
    )


def _entry(letter: Letter) -> str:
    summary = f"<summary>{_text(letter.summary)}</summary>" if letter.summary else ""
    author = f"<author><name>{_text(letter.brand)}</name></author>" if letter.brand else ""
    return (
        f"<entry><id>{_text(letter.url)}</id><title>{_text(letter.subject)}</title>"
        f"<updated>{_moment(letter.at)}</updated><published>{_moment(letter.at)}</published>"
        f'<link rel="alternate" type="text/html" href={_value(letter.url)}/>{author}{summary}</entry>\n'
    )


def _authors(letters: Sequence[Letter], other: str) -> str:
    """A feed whose entries do not all have an author has one itself (RFC 4287 4.1.1)."""
    return f"<author><name>{_text(letters[0].brand or other if letters else other)}</name></author>\n"


def _text(words: str) -> str:
    return escape(_UNWRITABLE.sub("", words))


def _value(words: str) -> str:
    return quoteattr(_UNWRITABLE.sub("", words))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

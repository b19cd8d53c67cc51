"""People and lists as the API acts on them: made or brought up to date, on lists and off, found, erased.

Every way in needs consent: express or implied, with the ground in words. Who has left a list is not put back by this way
(`store.subscriptions.join`); whose data were erased, only with express consent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Invalid, NotFound, Refused
from lettershop.base.facts import ContactChanged
from lettershop.marketing import audience
from lettershop.marketing.addresses import check_address
from lettershop.marketing.import_rows import CONSENT_KINDS, IMPLIED_DAYS
from lettershop.marketing.privacy import Privacy
from lettershop.marketing.segment_text import print_tree
from lettershop.marketing.segments import from_json
from lettershop.store import contacts, people, subscriptions, views
from lettershop.store import lists as list_rows
from lettershop.store import segments as segment_rows
from lettershop.store import suppressions as ledger
from lettershop.store.columnar import mark
from lettershop.store.contacts import Contact, NewContact
from lettershop.store.database import Database, Transaction
from lettershop.store.lists import ListRow
from lettershop.store.segments import SavedSegment
from lettershop.store.subscriptions import Consent
from lettershop.store.suppressions import Suppression
from lettershop.wire.address import Address


class NoSuchSubscriber(NotFound):
    """There is no such person in this workspace."""

    code = "no-such-subscriber"


class NoSuchList(NotFound):
    """There is no such list in this workspace."""

    code = "no-such-list"


class ListUnknown(Conflict):
    """A request names a list that is not there."""

    code = "no-such-list"


class NoSuchSegment(NotFound):
    """There is no such segment in this workspace."""

    code = "no-such-segment"


class NameTaken(Conflict):
    """Another one has this name."""

    code = "name-taken"


class InUse(Conflict):
    """Others need it."""

    code = "in-use"


class NoGround(Invalid):
    """A consent without a kind or a ground."""

    code = "consent-basis"


class Erased(Refused):
    """The person's data were erased at their request."""

    code = "erased"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person with lists and, if nobody may write to them, the reason."""

    contact: Contact
    lists: tuple[tuple[str, str, float], ...]
    suppressed: str


class Subscribers:
    """One object per process."""

    def __init__(self, main: Database, privacy: Privacy, clock: Clock) -> None:
        self._main = main
        self._privacy = privacy
        self._clock = clock

    # -- people

    async def put(
        self, workspace_id: int, address: str, *, name: str, attributes: Mapping[str, Any], tags: Sequence[str],
        lists: Sequence[str], consent: Consent,
    ) -> Subscriber:  # fmt: skip
        """Make a person, or bring them up to date, and put them on lists. Raises InvalidAddress, ListUnknown, Erased."""
        checked = check_address(address)
        await self._welcome(workspace_id, checked, consent)
        row = NewContact(str(checked), checked.key, checked.domain, name, dict(attributes), tuple(tags))
        now = self._clock.now()
        contact_id = await self._main.write(_put, workspace_id, row, list(lists), consent, now)
        return await self.get(workspace_id, contact_id)

    async def _welcome(self, workspace_id: int, address: Address, consent: Consent) -> None:
        """Who was erased comes back by their own word alone."""
        if consent.kind != "express" and await self._privacy.erased(workspace_id, [address.key]):
            raise Erased(
                "This person's data were erased at their request.", remedy="They must subscribe by their own word."
            )

    def consent(self, kind: str, basis: str, source: str) -> Consent:
        """A consent that somebody of the house writes down: with a ground, and implied only for a time. Raises Invalid."""
        if kind not in CONSENT_KINDS or not basis.strip():
            raise NoGround("The ground of the consent is missing.", remedy="Say in words on what it rests.")
        until = self._clock.now() + IMPLIED_DAYS * 86_400 if kind == "implied" else None
        return Consent(kind, basis.strip(), source, expires_at=until)

    async def get(self, workspace_id: int, contact_id: int) -> Subscriber:
        """One person; raises NoSuchSubscriber."""
        found = await self._main.read(_found, workspace_id, [contact_id])
        if not found:
            raise NoSuchSubscriber(f"There is no subscriber {contact_id}.")
        return found[0]

    async def page(
        self, workspace_id: int, *, segment: str = "", query: str = "", after: int = 0, limit: int = 50
    ) -> list[Subscriber]:
        """By id, a page after the id `after`; those of a written segment. Raises SegmentInvalid."""
        return await self._main.read(_page, workspace_id, segment, query, after, limit, self._clock.now())

    async def change(self, workspace_id: int, contact_id: int, values: Mapping[str, Any]) -> Subscriber:
        """Change name, attributes (merged; null takes one away), tags (replaced) or tracking consent."""
        await self.get(workspace_id, contact_id)
        await self._main.write(_change, contact_id, values, self._clock.now())
        return await self.get(workspace_id, contact_id)

    async def subscribe(self, workspace_id: int, contact_id: int, list_name: str, consent: Consent) -> Subscriber:
        """Put a person on a list; who has left it comes back only by express consent."""
        await self.get(workspace_id, contact_id)
        await self._main.write(_subscribe, workspace_id, contact_id, list_name, consent, self._clock.now())
        return await self.get(workspace_id, contact_id)

    async def unsubscribe(self, workspace_id: int, contact_id: int, list_name: str) -> Subscriber:
        """Take a person off a list, or, without a name, off everything."""
        await self.get(workspace_id, contact_id)
        await self._main.write(_unsubscribe, workspace_id, contact_id, list_name, self._clock.now())
        return await self.get(workspace_id, contact_id)

    async def held(self, workspace_id: int, contact_id: int) -> dict[str, Any]:
        """Everything that is held on a person, by table (`marketing.privacy`)."""
        found = await self.get(workspace_id, contact_id)
        return await self._privacy.export(workspace_id, found.contact.email)

    async def erase(self, workspace_id: int, contact_id: int) -> None:
        """Erase a person (`marketing.privacy`)."""
        found = await self.get(workspace_id, contact_id)
        await self._privacy.erase(workspace_id, found.contact.email_key)

    # -- lists

    async def lists(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> list[ListRow]:
        """The lists with their sizes, by id."""
        return await self._main.read(list_rows.page, workspace_id, after=after, limit=limit)

    async def one_list(self, workspace_id: int, list_id: int) -> ListRow:
        """One list; raises NoSuchList."""
        found = await self._main.read(list_rows.by_id, workspace_id, list_id)
        if found is None:
            raise NoSuchList(f"There is no list {list_id}.")
        return found

    async def make_list(
        self, workspace_id: int, name: str, *, public: bool, double_opt_in: bool, archive: bool = False
    ) -> ListRow:
        """A new list; raises NameTaken. `archive`: everybody may read what was sent to it, if it is public."""
        made = await self._main.write(
            list_rows.create, workspace_id, name, self._clock.now(), public=public, double_opt_in=double_opt_in,
            archive=archive,
        )  # fmt: skip
        if made is None:
            raise NameTaken(f"There is a list {name!r} already.")
        return await self.one_list(workspace_id, made)

    async def change_list(self, workspace_id: int, list_id: int, values: Mapping[str, Any]) -> ListRow:
        """Change name or kind; raises NameTaken."""
        await self.one_list(workspace_id, list_id)
        if not await self._main.write(list_rows.change, workspace_id, list_id, **values):
            raise NameTaken(f"There is a list {values.get('name')!r} already.")
        return await self.one_list(workspace_id, list_id)

    async def remove_list(self, workspace_id: int, list_id: int) -> None:
        """Delete a list that no campaign under way needs; the people stay. Raises InUse."""
        await self.one_list(workspace_id, list_id)
        if not await self._main.write(list_rows.remove, list_id):
            raise InUse("A campaign that is scheduled or being sent needs this list.", remedy="Cancel it first.")

    # -- segments

    async def segments(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> Sequence[SavedSegment]:
        """The saved segments, by id."""
        return await self._main.read(segment_rows.of_workspace, workspace_id, after=after, limit=limit)

    async def segment(self, workspace_id: int, segment_id: int) -> SavedSegment:
        """One segment; raises NoSuchSegment."""
        found = await self._main.read(segment_rows.by_id, workspace_id, segment_id)
        if found is None:
            raise NoSuchSegment(f"There is no segment {segment_id}.")
        return found

    async def save_segment(self, workspace_id: int, name: str, expression: str) -> SavedSegment:
        """Save a written segment; raises SegmentInvalid, NameTaken."""
        tree = audience.tree_of(expression)
        await self._main.read(audience.resolve, workspace_id, tree)
        made = await self._main.write(segment_rows.create, workspace_id, name, tree, self._clock.now())
        if made is None:
            raise NameTaken(f"There is a segment {name!r} already.")
        return await self.segment(workspace_id, made)

    async def change_segment(self, workspace_id: int, segment_id: int, expression: str) -> SavedSegment:
        """Write a segment anew; raises SegmentInvalid."""
        await self.segment(workspace_id, segment_id)
        tree = audience.tree_of(expression)
        await self._main.read(audience.resolve, workspace_id, tree)
        await self._main.write(segment_rows.change, segment_id, tree=tree)
        return await self.segment(workspace_id, segment_id)

    async def remove_segment(self, workspace_id: int, segment_id: int) -> None:
        """Forget a segment; campaigns keep theirs. Raises InUse if another segment names it."""
        mine = await self.segment(workspace_id, segment_id)
        for other in await self._main.read(segment_rows.of_workspace, workspace_id):
            if mine.name in audience.named_segments(other.tree):
                raise InUse(f"The segment {other.name!r} names it.", remedy="Change that one first.")
        await self._main.write(segment_rows.remove, segment_id)

    async def count(self, workspace_id: int, expression: str) -> int:
        """How many a written segment has now; raises SegmentInvalid."""
        return await self._main.read(_count, workspace_id, expression, self._clock.now())

    # -- the ledger

    async def suppressions(
        self, workspace_id: int, *, after: str = "", query: str = "", reason: str = "", limit: int = 50
    ) -> Sequence[Suppression]:
        """Who must not be written to, by address."""
        return await self._main.read(ledger.page, workspace_id, after=after, contains=query, reason=reason, limit=limit)

    async def suppress(self, workspace_id: int, address: str, reason: str, detail: str) -> Suppression:
        """Write to an address no more; the first reason and date stay."""
        key = check_address(address).key
        await self._main.write(ledger.add, workspace_id, key, reason, at=self._clock.now(), detail=detail)
        return await self.suppression(workspace_id, address)

    async def suppression(self, workspace_id: int, address: str) -> Suppression:
        """One entry; raises NoSuchSubscriber."""
        key = Address.parse(address).key
        found = (await self._main.read(ledger.suppressed, workspace_id, [key])).get(key)
        if found is None:
            raise NoSuchSubscriber(f"{address} is not suppressed.")
        return found

    async def lift(self, workspace_id: int, address: str) -> None:
        """Take an entry away; raises NoSuchSubscriber."""
        await self.suppression(workspace_id, address)
        await self._main.write(ledger.remove, workspace_id, [Address.parse(address).key])


def words_of(tree: Mapping[str, Any]) -> str:
    """A stored segment in words."""
    return print_tree(from_json(tree)) if tree else "everyone"


def _list_ids(conn: Connection, workspace_id: int, names: Sequence[str]) -> list[int]:
    known = subscriptions.list_names(conn, workspace_id)
    for name in names:
        if name not in known:
            raise ListUnknown(f"There is no list {name!r}.")
    return [known[name] for name in names]


def _put(tx: Transaction, workspace_id: int, row: NewContact, lists: list[str], consent: Consent, at: float) -> int:
    ids: list[int | None] = [*_list_ids(tx.conn, workspace_id, lists)]
    for list_id in ids or [None]:
        contacts.take(tx, workspace_id, list_id, [row], consent, at)
    found = contacts.by_key(tx.conn, workspace_id, row.email_key)
    assert found is not None
    return found.id


def _found(conn: Connection, workspace_id: int, ids: Sequence[int]) -> list[Subscriber]:
    people_found = [one for one in contacts.by_ids(conn, ids) if one.workspace_id == workspace_id]
    lists = views.lists_of(conn, [one.id for one in people_found])
    reasons = views.suppression_reasons(conn, workspace_id, [one.email_key for one in people_found])
    return [Subscriber(one, tuple(lists.get(one.id, ())), reasons.get(one.email_key, "")) for one in people_found]


def _page(
    conn: Connection, workspace_id: int, segment: str, query: str, after: int, limit: int, now: float
) -> list[Subscriber]:
    tree = audience.resolve(conn, workspace_id, audience.tree_of(segment))
    return _found(
        conn, workspace_id, people.page(conn, workspace_id, tree, now, search=query, after=after, limit=limit)
    )


def _count(conn: Connection, workspace_id: int, expression: str, now: float) -> int:
    return people.count(conn, workspace_id, audience.resolve(conn, workspace_id, audience.tree_of(expression)), now)


def _change(tx: Transaction, contact_id: int, values: Mapping[str, Any], at: float) -> None:
    given = dict(values)
    if "tracking_consent" in given:
        contacts.set_tracking(tx, contact_id, given.pop("tracking_consent"), at)
    if not given:
        return
    there = contacts.by_id(tx.conn, contact_id)
    if there is None:
        return
    merged = {**there.attributes, **given.get("attributes", {})}
    contacts.rewrite(
        tx,
        [{
            "id": contact_id, "name": given.get("name", there.name),
            "attributes": {name: value for name, value in merged.items() if value is not None},
            "tags": sorted(set(given.get("tags", there.tags))), "updated_at": at,
        }],
    )  # fmt: skip
    mark(tx, [contact_id])
    tx.fact(ContactChanged(at=at, workspace_id=there.workspace_id, contact_id=contact_id, what="updated", source="api"))


def _subscribe(
    tx: Transaction, workspace_id: int, contact_id: int, list_name: str, consent: Consent, at: float
) -> None:
    [list_id] = _list_ids(tx.conn, workspace_id, [list_name])
    left = subscriptions.has_left(tx.conn, contact_id, list_id)
    if left and consent.kind == "express":
        subscriptions.resubscribe(tx, contact_id, list_id, consent=consent, at=at)
        return
    subscriptions.join(tx, workspace_id, list_id, [contact_id], consent, at)


def _unsubscribe(tx: Transaction, workspace_id: int, contact_id: int, list_name: str, at: float) -> None:
    list_id = _list_ids(tx.conn, workspace_id, [list_name])[0] if list_name else None
    subscriptions.unsubscribe(tx, contact_id, list_id, how="api", at=at)

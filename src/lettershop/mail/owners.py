"""Whose the facts of the mail half are: they seldom say so themselves; their campaign does, or the mailbox. And its log, read so."""

from collections.abc import Sequence

from lettershop.store import fact_rows
from lettershop.store.database import Database
from lettershop.store.fact_rows import FactRow

PIECE, PIECES = 500, 20
"""Facts that are looked through at once, and how often for one page."""


async def owners(main: Database, mail: Database, rows: Sequence[FactRow]) -> dict[int, int | None]:
    """The workspace of each fact of the mail half, by its id; None: the operator's own."""
    campaigns = {row.campaign_id for row in rows if row.campaign_id is not None}
    boxes = {box for row in rows if (box := row.data.get("mailbox_id")) is not None}
    of_campaign = await main.read(fact_rows.workspaces_of, campaigns) if campaigns else {}
    of_box = await mail.read(fact_rows.owners_of_mailboxes, boxes) if boxes else {}
    found: dict[int, int | None] = {}
    for row in rows:
        by_campaign = of_campaign.get(row.campaign_id) if row.campaign_id is not None else None
        found[row.id] = row.workspace_id or by_campaign or of_box.get(row.data.get("mailbox_id", 0))
    return found


class MailEvents:
    """The log of the mail half: what incoming mail told. One object per process."""

    def __init__(self, main: Database, mail: Database) -> None:
        self._main = main
        self._mail = mail

    async def page(
        self, workspace_id: int, *, operator: bool, after: int = 0, limit: int = 50, campaign_id: int | None = None,
        contact_id: int | None = None, kind: str | None = None,
    ) -> tuple[Sequence[FactRow], int]:  # fmt: skip
        """As `mail.events.Events.page`, and up to where the log was looked through. `operator`: also what belongs to no workspace."""
        found: list[FactRow] = []
        for _ in range(PIECES):
            rows = await self._mail.read(fact_rows.since, "mail_facts", after, PIECE)
            of = await owners(self._main, self._mail, rows)
            for row in rows:
                after = row.id
                owner = of[row.id]
                mine = owner == workspace_id if owner is not None else operator
                wanted = ((campaign_id, row.campaign_id), (contact_id, row.contact_id), (kind, row.kind))
                if mine and all(wish is None or wish == value for wish, value in wanted):
                    found.append(row)
                    if len(found) == limit:
                        return found, after
            if len(rows) < PIECE:
                break
        return found, after

"""What is held on a person, and its erasure, across both halves, files and stored messages (GDPR 15, 17, 20).

    erase    one transaction for the contact, its mail and the hash > pieces: facts that name the address, texts of
             receivers, answers kept for repeated requests > files of refused rows > bytes of single messages

Doing it again is no error and finishes what a crash has left. The log files of facts follow by themselves (`mail.fact_file`).
Mail in somebody's mailbox is that person's correspondence: it is told, but erasing it is for the owner of the mailbox.
"""

import asyncio
import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lettershop.base.clock import Clock
from lettershop.store import erasures, fact_rows, secrets
from lettershop.store import privacy as rows
from lettershop.store.blobs import Blobs
from lettershop.store.database import Database
from lettershop.store.factlog import Log
from lettershop.wire.address import Address, InvalidAddress

LOGS: tuple[Log, ...] = ("facts", "mail_facts")


class Privacy:
    """One object per process. `folder`: the files of imports; those elsewhere are the operator's own."""

    def __init__(self, main: Database, mail: Database, blobs: Blobs, clock: Clock, folder: Path) -> None:
        self._main = main
        self._mail = mail
        self._blobs = blobs
        self._clock = clock
        self._folder = folder.absolute()

    async def export(self, workspace_id: int, address: str) -> dict[str, Any]:
        """Everything held on an address, as plain values by table."""
        forms = forms_of(address)
        found = await self._main.read(rows.collect, workspace_id, forms)
        there = {row["id"] for row in found["events"]}
        others = await self._naming("facts", workspace_id, forms)
        found["events"] += [row for row in others if row["id"] not in there]
        return {**found, "received": await self._naming("mail_facts", workspace_id, forms)}

    async def erase(self, workspace_id: int, address: str) -> int:
        """Erase a person; how many contacts that were."""
        now, forms = self._clock.now(), forms_of(address)
        key = await self._main.write(secrets.ensure, erasures.KEY, self._clock.token(32), now)
        gone = await self._main.write(rows.erase, workspace_id, forms, key, now)
        for log in LOGS:
            named = await self._naming(log, workspace_id, forms)
            await self._half(log).write(rows.scrub, log, named, forms)
        for table, name in rows.TEXTS:
            said = await self._main.read(rows.still_said, table, name, forms)
            if said:
                await self._main.write(rows.unsay, table, name, said, forms)
        await self._main.write(rows.forget_answers, await self._main.read(rows.answers_naming, forms))
        files = await self._main.read(rows.refused_files, workspace_id)
        await asyncio.to_thread(self._clean, [Path(name) for name in files], forms)
        for blob in gone.blobs:
            await self._blobs.delete(blob)
        return len(gone.contacts)

    def _clean(self, files: Sequence[Path], forms: Sequence[str]) -> None:
        for file in files:
            if file.absolute().parent == self._folder:
                without(file, set(forms))

    async def erased(self, workspace_id: int, email_keys: list[str]) -> set[str]:
        """Which of these addresses were erased: nobody but the person may bring them back."""
        return await self._main.read(erasures.known, workspace_id, email_keys)

    def _half(self, log: Log) -> Database:
        return self._main if log == "facts" else self._mail

    async def _naming(self, log: Log, workspace_id: int, forms: Sequence[str]) -> list[dict[str, Any]]:
        """The facts of a log that name the address; of incoming mail those of the workspace's own domains and of nobody's."""
        half, found = self._half(log), []
        for after in range(0, await half.read(rows.last, log), rows.SPAN):
            found += await half.read(rows.naming, log, workspace_id, after, forms)
        boxes = {row["data"]["mailbox_id"] for row in found if row["kind"] == "MessageReceived"}
        owners = await self._mail.read(fact_rows.owners_of_mailboxes, boxes) if boxes else {}
        return [row for row in found if owners.get(row["data"].get("mailbox_id")) in (None, workspace_id)]


def forms_of(address: str) -> list[str]:
    """The ways to write an address, in lower case; the first is its key."""
    parsed = Address.parse(address)
    return list(dict.fromkeys((parsed.key, str(parsed).lower(), parsed.for_people.lower())))


def without(path: Path, forms: set[str]) -> None:
    """Take the rows that hold one of these addresses out of a file of refused rows."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except FileNotFoundError:
        return
    kept = [line for line in lines if not any(_is(cell, forms) for cell in line)]
    if len(kept) == len(lines):
        return
    partial = path.with_name(f".{path.name}")
    with partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(kept)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _is(cell: str, forms: set[str]) -> bool:
    """Whether an address is in the cell, alone or among other words."""
    said = cell.strip().lower()
    if any(form in said for form in forms):
        return True
    try:
        return "@" in said and Address.parse(said).key in forms
    except InvalidAddress:
        return False

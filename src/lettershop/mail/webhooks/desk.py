"""Webhooks as people and programs keep them: made, changed, a new secret, a test, deliveries, told again.

    made = await webhooks.create(workspace_id, "shop", "https://shop.example/in", ["Bounced"])     -> Webhook with its secret
    await webhooks.replay(workspace_id, made.id, since=…, until=…)                                 events of a range

A new webhook hears what happens from then on. One that was turned off and is turned on again, too; what it missed is a
replay. The worker that sends is `mail.webhooks.courier`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Invalid, NotFound
from lettershop.base.facts import KINDS
from lettershop.net.reach import Network, check, target_of
from lettershop.store import fact_rows, factlog, webhook_deliveries
from lettershop.store import webhooks as rows
from lettershop.store.database import Database, Transaction
from lettershop.store.factlog import Log
from lettershop.store.webhook_deliveries import STATE_NAMES, Delivery
from lettershop.store.webhooks import Webhook
from lettershop.wire.webhook import key_of, secret_of

KEY = 32
"""Bytes of a secret that we make."""
MOST = 50
"""Webhooks of a workspace."""
OVERLAP = 86_400.0
"""Seconds that an old secret goes on signing beside the new one."""


class NoSuchWebhook(NotFound):
    """There is no such webhook in this workspace."""

    code = "no-such-webhook"


class NoSuchDelivery(NotFound):
    """There is no such delivery of this webhook; perhaps it is too old."""

    code = "no-such-delivery"


class NoSuchEvent(Invalid):
    """Nothing that happens is called so."""

    code = "no-such-event"


class TooManyWebhooks(Conflict):
    """The workspace has as many as it may."""

    code = "too-many-webhooks"


class Webhooks:
    """One object per process. `allowed`: networks that may be named by their address although they are not public."""

    def __init__(self, main: Database, mail: Database, clock: Clock, *, allowed: Sequence[Network] = ()) -> None:
        self._main = main
        self._mail = mail
        self._clock = clock
        self._allowed = tuple(allowed)

    async def create(
        self, workspace_id: int, name: str, url: str, kinds: Sequence[str] = (), *, secret: str = "", by: str = ""
    ) -> Webhook:
        """A new webhook. Raises Invalid (address, event, secret), Refused (target), TooManyWebhooks."""
        values = self._checked({"name": name, "url": url, "kinds": kinds})
        if secret:
            key_of(secret)
        if await self._main.read(rows.count, workspace_id) >= MOST:
            raise TooManyWebhooks(f"A workspace has at most {MOST} webhooks.", remedy="Remove one first.")
        webhook_id = await self._main.write(
            rows.add, workspace_id, secret=secret or self._fresh(), created_at=self._clock.now(), created_by=by,
            **values, **await self._newest(),
        )  # fmt: skip
        return await self.get(workspace_id, webhook_id)

    async def get(self, workspace_id: int, webhook_id: int) -> Webhook:
        """One webhook; raises NoSuchWebhook."""
        found = await self._main.read(rows.by_id, workspace_id, webhook_id)
        if found is None:
            raise NoSuchWebhook("There is no such webhook.")
        return found

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> Sequence[Webhook]:
        """The workspace's webhooks, by id."""
        return await self._main.read(rows.page, workspace_id, after=after, limit=limit)

    async def waiting(self, webhook_ids: Sequence[int]) -> Mapping[int, int]:
        """How many events wait for another try, by webhook."""
        return await self._main.read(webhook_deliveries.waiting, webhook_ids)

    async def change(self, workspace_id: int, webhook_id: int, values: Mapping[str, Any]) -> Webhook:
        """Write `name`, `url`, `kinds`, `active`. Raises as `create`."""
        before = await self.get(workspace_id, webhook_id)
        new = self._checked(values)
        if new.get("url", before.url) != before.url or new.get("active"):
            new |= {"failures": 0, "failing_since": None, "rests_until": 0.0}
        if new.get("active") and not before.active:
            new |= {"off_why": "", **await self._newest()}
        if new:
            await self._main.write(rows.change, workspace_id, webhook_id, new)
        return await self.get(workspace_id, webhook_id)

    async def remove(self, workspace_id: int, webhook_id: int) -> None:
        """Forget a webhook with its deliveries; raises NoSuchWebhook."""
        if not await self._main.write(rows.remove, workspace_id, webhook_id):
            raise NoSuchWebhook("There is no such webhook.")

    async def rotate(
        self, workspace_id: int, webhook_id: int, *, secret: str = "", overlap: float = OVERLAP
    ) -> Webhook:
        """A new secret; the old one signs too for `overlap` seconds. Raises NoSuchWebhook, Invalid."""
        before = await self.get(workspace_id, webhook_id)
        if secret:
            key_of(secret)
        values = {
            "secret": secret or self._fresh(),
            "old_secret": before.secret if overlap else None,
            "old_secret_until": self._clock.now() + overlap if overlap else None,
        }
        await self._main.write(rows.change, workspace_id, webhook_id, values)
        return await self.get(workspace_id, webhook_id)

    async def test(self, workspace_id: int, webhook_id: int) -> Delivery:
        """Send an event that nothing has caused; raises NoSuchWebhook, Conflict where the webhook is off."""
        hook = await self._on(workspace_id, webhook_id)
        event = f"evt_t{self._clock.token(8).hex()}"
        made = await self._main.write(_test, hook, event, self._clock.now())
        return await self.delivery(workspace_id, webhook_id, made)

    async def deliveries(
        self,
        workspace_id: int,
        webhook_id: int,
        *,
        before: int | None = None,
        state: str = "",
        limit: int = 50,
    ) -> Sequence[Delivery]:
        """What became of the events, newest first; those in a state (`STATE_NAMES`) if one is named. Raises NoSuchWebhook."""
        await self.get(workspace_id, webhook_id)
        wanted = next((number for number, name in STATE_NAMES.items() if name == state), None)
        return await self._main.read(webhook_deliveries.page, webhook_id, before=before, state=wanted, limit=limit)

    async def delivery(self, workspace_id: int, webhook_id: int, delivery_id: int) -> Delivery:
        """One of them; raises NoSuchWebhook, NoSuchDelivery."""
        await self.get(workspace_id, webhook_id)
        found = await self._main.read(webhook_deliveries.by_id, webhook_id, delivery_id)
        if found is None:
            raise NoSuchDelivery("There is no such delivery.")
        return found

    async def again(self, workspace_id: int, webhook_id: int, delivery_id: int) -> Delivery:
        """Send an event once more, with the same id. Raises as `delivery`, Conflict where the webhook is off."""
        await self._on(workspace_id, webhook_id)
        await self._main.write(_again, webhook_id, delivery_id, self._clock.now())
        return await self.delivery(workspace_id, webhook_id, delivery_id)

    async def replay(self, workspace_id: int, webhook_id: int, *, since: float, until: float | None = None) -> None:
        """Send all events of a range of time once more, with the same ids. Raises NoSuchWebhook, Conflict, Invalid."""
        await self._on(workspace_id, webhook_id)
        end = min(until if until is not None else self._clock.now(), self._clock.now())
        if since >= end:
            raise Invalid("The range ends before it begins.", code="webhook-range")
        logs: tuple[tuple[Log, Database], ...] = (("facts", self._main), ("mail_facts", self._mail))
        for log, database in logs:
            position, last = await database.read(fact_rows.span, log, since, end)
            if last > position:
                await self._main.write(
                    webhook_deliveries.add_replay, webhook_id, log, since=since, until=end, position=position, last=last
                )

    async def _on(self, workspace_id: int, webhook_id: int) -> Webhook:
        found = await self.get(workspace_id, webhook_id)
        if not found.active:
            raise Conflict("This webhook is off.", code="webhook-off", remedy="Turn it on first.")
        return found

    async def _newest(self) -> dict[str, int]:
        """Positions at the end of both logs."""
        return {
            "facts_position": await self._main.read(factlog.newest, "facts"),
            "mail_facts_position": await self._mail.read(factlog.newest, "mail_facts"),
        }

    def _fresh(self) -> str:
        return secret_of(self._clock.token(KEY))

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What is told, in the form that is kept; raises Invalid, Refused."""
        kept = dict(values)
        if "name" in kept:
            kept["name"] = str(kept["name"]).strip()
            if not kept["name"]:
                raise Invalid("A webhook needs a name.", code="webhook-name", remedy="Say who is told.")
        if "url" in kept:
            self._check_url(kept["url"])
        if "kinds" in kept:
            kept["kinds"] = sorted(set(kept["kinds"]))
            for kind in kept["kinds"]:
                if kind not in KINDS:
                    raise NoSuchEvent(f"There is no event {kind!r}.", remedy=f"Events: {', '.join(sorted(KINDS))}.")
        return kept

    def _check_url(self, url: str) -> None:
        """What can be said before a look-up; the rest is said of each connection (`net.reach`)."""
        target = target_of(url)
        if target.address is not None:
            check(target, target.address, self._allowed)
        elif not target.tls and not self._allowed:
            raise Invalid("Events leave by https:// only.", code="webhook-url", remedy="Use https://.")


def _test(tx: Transaction, hook: Webhook, event: str, at: float) -> int:
    rows.change(tx, hook.workspace_id, hook.id, {"rests_until": 0.0})
    return webhook_deliveries.add_test(tx, hook.id, event, at)


def _again(tx: Transaction, webhook_id: int, delivery_id: int, at: float) -> None:
    webhook_deliveries.again(tx, webhook_id, delivery_id, at)

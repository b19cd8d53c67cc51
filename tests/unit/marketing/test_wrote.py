"""Who writes to one of our mailboxes has engaged; who only pretends to be somebody has not."""

from lettershop.base.facts import MessageReceived
from lettershop.marketing.analytics import Analytics
from lettershop.marketing.audience import tree_of
from lettershop.store import contacts, people, workspaces
from lettershop.store.contacts import NewContact


def received(sender, at, dmarc="pass"):
    return MessageReceived(at=at, message_id=1, mailbox_id=1, sender=sender, recipient="shop@b.example", dmarc=dmarc)


async def test_mail_from_a_contact_is_engagement_in_every_workspace(store, clock):
    now = clock.now()
    for name in ("One", "Two"):
        workspace = await store.main.write(workspaces.ensure_workspace, name, 1.0)
        for local in ("ann", "bob", "eve"):
            key = f"{local}@x.example"
            row = NewContact(key, key, "x.example", "", {})
            await store.main.write(contacts.ensure, workspace, row, 1.0, source="form")
    facts = [
        received("Ann@X.example", now - 5), received("ann@x.example", now - 9), received("eve@x.example", now, "fail"),
        received("", now), received("not an address", now), received("nobody@x.example", now),
    ]  # fmt: skip

    def write(tx):
        for fact in facts:
            tx.fact(fact)

    await store.mail.write(write)
    while await Analytics(store.main, store.mail).step():
        pass
    for workspace in (1, 2):
        ann = await store.main.read(contacts.by_key, workspace, "ann@x.example")
        assert ann.last_wrote_at == now - 5
        assert await store.main.read(people.count, workspace, tree_of("wrote in last 1 days"), now) == 1

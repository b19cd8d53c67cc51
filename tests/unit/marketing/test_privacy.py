"""What is held on a person is told whole; erasing leaves figures and a keyed hash, and neither a file nor a message brings
the address back."""

import csv

import orjson
import pytest
from sqlalchemy import insert, select, text, update

from lettershop.base.facts import Bounced, Complained, DelayTold, MessageReceived, Opened, SiteSuspended
from lettershop.mail.fact_file import FactFile
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.privacy import Privacy
from lettershop.store import columnar, contacts, people, sent, stored, subscriptions, suppressions, workspaces
from lettershop.store.blobs import BlobMissing, open_blobs
from lettershop.store.contacts import NewContact
from lettershop.store.opt_ins import Asked, request
from lettershop.store.preferences import Pace, set_pace
from lettershop.store.rows import insert_one
from lettershop.store.schema_api import idempotency
from lettershop.store.schema_delivery import bounce_samples, dialogues, dsn_wishes, envelopes, site_states
from lettershop.store.schema_inbox import conversation_messages, conversations
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import campaigns, facts
from lettershop.store.subscriptions import Consent

ANN = NewContact("Ann@shop.example", "ann@shop.example", "shop.example", "Ann", {"city": "Oslo"})
BOB = NewContact("bob@shop.example", "bob@shop.example", "shop.example", "Bob", {})
WORDS = "550 <ANN@shop.example> unknown"


class House:
    """The stores, a workspace with Ann and Bob, and Ann's erasure."""

    def __init__(self, store, clock, folder, blobs):
        self.store, self.clock, self.folder, self.blobs = store, clock, folder, blobs
        self.privacy = Privacy(store.main, store.mail, blobs, clock, folder / "imports")
        self.fact_file = FactFile(store.main, store.mail, clock, folder / "facts")
        self.workspace = self.news = 0
        self.ann = None

    async def tell(self, fact, half="main"):
        await getattr(self.store, half).write(lambda tx: tx.fact(fact))

    async def everything(self):
        """All tables of both halves, and all files, in lower case."""
        found = ""
        for half, metadata in ((self.store.main, facts.metadata), (self.store.mail, mail_facts.metadata)):
            for table in metadata.tables:
                found += await half.read(lambda conn, t=table: repr(conn.execute(text(f'SELECT * FROM "{t}"')).all()))
        for file in self.folder.rglob("*"):
            if file.is_file() and ".sqlite" not in file.name and ".db" not in file.name:
                found += file.read_bytes().decode(errors="replace")
        return found.lower()


@pytest.fixture
async def house(store, clock, tmp_path):
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    made = House(store, clock, tmp_path, blobs)
    made.workspace = await store.main.write(workspaces.ensure_workspace, "Shop", clock.now())
    made.news = await store.main.write(subscriptions.ensure_list, made.workspace, "News", clock.now())
    consent = Consent("express", "at the till", "import")
    await store.main.write(contacts.take, made.workspace, made.news, [ANN, BOB], consent, clock.now())
    made.ann = await store.main.read(contacts.by_key, made.workspace, ANN.email_key)
    yield made
    await blobs.close()


async def live(house):
    """What may be written down of somebody in some years, through every door."""
    at, workspace = house.clock.now(), house.workspace
    head = {"at": at, "workspace_id": workspace}
    bounce = {"site": "shop.example", "mx": "mx", "code": 550, "text": WORDS, "reason": "unknown-user", "hard": True}
    await house.tell(Bounced(**head, contact_id=house.ann.id, address="ann@shop.example", **bounce))
    await house.tell(Opened(**head, contact_id=house.ann.id, envelope_id=77, ip="198.51.100.7", user_agent="AnnPhone"))
    await house.tell(DelayTold(at=at, address="Ann@SHOP.example", sender="shop@brand.example"))
    await house.tell(
        SiteSuspended(at=at, site="shop.example", source="", until=at, why=f"It says {WORDS}", answer=WORDS)
    )
    await house.tell(SiteSuspended(at=at, site="b.example", source="", until=at, why="too many", answer="421 busy"))
    await house.tell(
        MessageReceived(at=at, message_id=1, mailbox_id=1, sender="ann@shop.example", recipient="x@y.example"), "mail"
    )
    await house.tell(Complained(**head, address="ann@shop.example", reporter="r@isp.example"), "mail")
    await house.tell(Complained(**head, address="joann@shop.example"), "mail")
    key = await house.blobs.put(b"To: Ann@shop.example\r\n\r\nHello Ann")

    def write(tx):
        asked = Asked("198.51.100.7", "AnnPhone", form="/subscribe/1", text="I agree")
        request(tx, workspace, house.ann.id, house.news, "hash", asked, at, at + 60)
        queued = stored.enqueue_stored(
            tx, workspace_id=workspace, mail_from="shop@brand.example", blob=key, size=30, now=at, expires_at=at + 60,
            recipients=[("Ann@shop.example", "shop.example"), ("bob@shop.example", "shop.example")],
        )  # fmt: skip
        sent.add(tx, sent.Sent(queued.outgoing_id, workspace, "<m@x>", "Hello Ann", "shop@brand.example", [], at, at))
        ids = queued.ids
        tx.conn.execute(insert(dsn_wishes).values(envelope_id=ids[0], orcpt="rfc822;Ann@shop.example"))
        tx.conn.execute(insert(dialogues).values(envelope_id=ids[0], at=at, text=f"S: {WORDS}"))
        tx.conn.execute(update(envelopes).where(envelopes.c.id == ids[1]).values(state=2, finished_at=at))
        suppressions.add(
            tx, workspace, "ann@shop.example", "complaint", at=at - 5, detail="ann@shop.example pressed spam"
        )
        brand = workspaces.ensure_brand(tx, workspace, name="B", from_name="B", from_address="b@brand.example", at=at)
        campaign = insert_one(
            tx.conn, campaigns, workspace_id=workspace, brand_id=brand, name="C", state="done", subject="S", html="x", tree={},
            created_at=at,
        )  # fmt: skip
        talk = insert_one(
            tx.conn, conversations, workspace_id=workspace, campaign_id=campaign, contact_id=house.ann.id, last_at=at
        )
        words = {"author": "ann@shop.example", "message_id": "m", "text": "I am Ann, ann@shop.example"}
        tx.conn.execute(insert(conversation_messages).values(conversation_id=talk, at=at, ours=False, **words))
        set_pace(tx, workspace, house.ann.id, Pace(None, 7), at)
        sample = {"campaign_id": 1, "reason": "unknown-user", "hard": True, "example": WORDS, "advice": ""}
        tx.conn.execute(insert(bounce_samples).values(**sample))
        tx.conn.execute(insert(site_states).values(source="", site="s", provider="p", why=WORDS, at=at))
        answer = b'{"email":"Ann@shop.example"}'
        tx.conn.execute(insert(idempotency).values(owner="o", name="n", fingerprint="", status=200, body=answer, at=at))
        other = b'{"email":"bob@shop.example"}'
        tx.conn.execute(insert(idempotency).values(owner="o", name="m", fingerprint="", status=200, body=other, at=at))

    await house.store.main.write(write)
    file = house.folder / "people.csv"
    file.write_text("email,name,note\nann@shop.example@,Ann,x\nann@,Ann,my address is Ann@shop.example\ncy@,Cy,y\n")
    folder = house.folder / "imports"
    options = ImportOptions(list_name="News", basis="old file")
    imports = ContactImport(house.store.main, house.clock, folder=folder)
    await imports.run(file, workspace_id=workspace, options=options, rejected=folder / "r.csv")
    file.unlink()
    await house.fact_file.step()
    return key


async def test_everything_about_a_person_is_told(house):
    await live(house)

    held = await house.privacy.export(house.workspace, "ANN@shop.example")

    assert [row["name"] for row in held["contacts"]] == ["Ann"]
    assert "at the till" in {row["basis"] for row in held["consents"]}
    assert {row["kind"] for row in held["events"]} >= {"Bounced", "ContactChanged", "Opened", "DelayTold"}
    assert {row["kind"] for row in held["received"]} == {"MessageReceived", "Complained"}
    assert [row["subject"] for row in held["single_messages"]] == ["Hello Ann"]
    assert [row["text"] for row in held["opt_ins"]] == ["I agree"]
    assert "hash" not in repr(held["opt_ins"]), "secrets are not told"
    assert orjson.loads(orjson.dumps(held)) == held, "it can be handed over as a file"
    assert [row["text"] for row in held["conversations"]] == ["I am Ann, ann@shop.example"]
    assert held["preferences"][0]["every_days"] == 7
    assert "bob" not in repr(held)
    assert "joann" not in repr(held["received"]), "somebody else's"


async def test_nothing_of_an_erased_person_is_left_in_any_table_or_file(house):
    key = await live(house)
    await house.store.main.write(columnar.fold, house.workspace, all_of_it=True)
    before = await house.everything()
    assert before.count("ann@shop.example") > 15
    assert "annphone" in before

    assert await house.privacy.erase(house.workspace, "ann@shop.example") == 1
    await house.store.main.write(columnar.fold, house.workspace, all_of_it=True)  # `workers` do it every moment
    while await house.fact_file.step():
        pass
    await house.fact_file.step()

    found = (await house.everything()).replace("joann@shop.example", "")
    assert "ann@" not in found, found[found.find("ann@") - 300 :][:600]
    assert "hello ann" not in found
    for trace in ("oslo", "annphone", "198.51.100.7"):
        assert trace not in found
    for other in ("bob@shop.example", "too many", "421 busy", "cy@"):
        assert other in found
    with pytest.raises(BlobMissing):
        await house.blobs.get(key)
    kinds = await house.store.main.read(
        lambda conn: list(conn.scalars(select(facts.c.kind).where(facts.c.contact_id == house.ann.id)))
    )
    assert {"Bounced", "Opened"} <= set(kinds), "figures of campaigns stay as they were"
    assert await house.store.main.read(people.count, house.workspace, {}, house.clock.now()) == 1
    assert await house.privacy.erase(house.workspace, "ann@shop.example") == 0


async def test_what_others_wait_for_is_still_sent(house):
    key = await live(house)
    await house.store.main.write(
        lambda tx: tx.conn.execute(update(envelopes).where(envelopes.c.state == 2).values(state=0, finished_at=None))
    )
    await house.privacy.erase(house.workspace, "ann@shop.example")
    rows = await house.store.main.read(
        lambda conn: list(conn.execute(select(envelopes.c.address, envelopes.c.state).order_by(envelopes.c.id)))
    )
    assert [tuple(row) for row in rows] == [("erased@invalid", 5), ("bob@shop.example", 0)]
    assert b"Hello" in await house.blobs.get(key)


@pytest.mark.parametrize("spelling", ["ann@shop.example", "Ann@Shop.Example"])
async def test_who_complained_and_was_erased_is_still_suppressed(house, spelling):
    await live(house)
    await house.privacy.erase(house.workspace, spelling)

    async def entry():
        found = await house.store.main.read(
            suppressions.suppressed, house.workspace, ["ann@shop.example", "cy@x.example"]
        )
        return {key: (one.reason, one.at) for key, one in found.items()}

    assert await entry() == {"ann@shop.example": ("complaint", house.clock.now() - 5)}
    other = await house.store.main.write(workspaces.ensure_workspace, "Other", house.clock.now())
    assert await house.store.main.read(suppressions.suppressed, other, ["ann@shop.example"]) == {}
    await house.store.main.write(contacts.ensure, house.workspace, ANN, house.clock.now(), source="form")
    assert await entry() == {"ann@shop.example": ("complaint", house.clock.now() - 5)}
    ledger = await house.store.main.read(lambda conn: suppressions.page(conn, house.workspace))
    assert [line.email_key for line in ledger] == ["ann@shop.example"], "they are known again, and so is the objection"


async def test_an_operator_can_lift_the_suppression_of_an_erased_address(house):
    await live(house)
    await house.privacy.erase(house.workspace, "ann@shop.example")
    assert await house.store.main.write(suppressions.remove, house.workspace, ["ann@shop.example"]) == 1
    assert await house.store.main.read(suppressions.suppressed, house.workspace, ["ann@shop.example"]) == {}
    assert await house.privacy.erased(house.workspace, ["ann@shop.example"]) == {"ann@shop.example"}


async def test_an_import_leaves_the_erased_out_and_says_so(house):
    await house.privacy.erase(house.workspace, "ann@shop.example")
    file = house.folder / "people.csv"
    file.write_text("email,name\nann@shop.example,Ann\ncy@shop.example,Cy\n")

    result = await ContactImport(house.store.main, house.clock).run(
        file, workspace_id=house.workspace, list_name="News", basis="old file", kind="express"
    )

    assert (result.created, result.refused) == (1, 1)
    assert "erased" in result.examples[0].reason
    assert await house.store.main.read(contacts.by_key, house.workspace, "ann@shop.example") is None
    with (house.folder / "people.rejected.csv").open() as rejected:
        assert [row[1] for row in csv.reader(rejected)][1].startswith("The person's data")


async def test_the_mail_of_another_workspaces_domain_is_theirs(house):
    await live(house)
    await house.tell(Complained(at=1.0, workspace_id=house.workspace + 9, address="ann@shop.example"), "mail")
    await house.privacy.erase(house.workspace, "ann@shop.example")
    left = await house.store.mail.read(
        lambda conn: list(
            conn.scalars(select(mail_facts.c.data).where(mail_facts.c.workspace_id == house.workspace + 9))
        )
    )
    assert [data["address"] for data in left] == ["ann@shop.example"]

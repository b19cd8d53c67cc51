"""The suppression list: by hand, from files of many products, and back."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.base.errors import Invalid
from lettershop.mail.suppression_file import REASONS, Layout, NotRead, entry, moment, reason_of
from lettershop.mail.suppression_list import SuppressionList
from lettershop.store import suppressions

EXPORTS = {
    # header and rows as other products write them > (address, reason, since)
    "mailchimp": (
        "Email Address,First Name,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\n"
        "A@B.example,Ann,2026-11-02 10:00:00,News,No longer interested: unsubscribed\n",
        [("a@b.example", "unsubscribed", 1793613600.0)],
    ),
    "mailchimp-cleaned": (
        "Email Address,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_REASON\na@b.example,2026-11-02 10:00:00,News,hard bounce\n",
        [("a@b.example", "hard-bounce", 1793613600.0)],
    ),
    "sendgrid": (
        "status,reason,email,created\n5.1.1,550 5.1.1 no such user,a@b.example,1793613600\n"
        "4.2.2,452 4.2.2 mailbox full,c@b.example,1793613600\n",
        [("a@b.example", "hard-bounce", 1793613600.0), ("c@b.example", "soft-bounces", 1793613600.0)],
    ),
    "mailgun": (
        'address,code,error,created_at\na@b.example,550,"No such mailbox","Mon, 02 Nov 2026 10:00:00 UTC"\n',
        [("a@b.example", "hard-bounce", 1793613600.0)],
    ),
    "postmark": (
        "EmailAddress;SuppressionReason;Origin;CreatedAt\na@b.example;SpamComplaint;Recipient;2026-11-02T10:00:00Z\n"
        "c@b.example;ManualSuppression;Customer;2026-11-02T11:00:00+01:00\n",
        [("a@b.example", "complaint", 1793613600.0), ("c@b.example", "manual", 1793613600.0)],
    ),
    "sparkpost": (
        "recipient,type,source,description,created,updated\n"
        "a@b.example,non_transactional,Bounce Rule,550 5.1.1 unknown,2026-11-02T10:00:00.000Z,2026-11-03T10:00:00.000Z\n",
        [("a@b.example", "hard-bounce", 1793613600.0)],
    ),
    "ses": (
        '"EmailAddress","Reason","LastUpdateTime"\n"a@b.example","COMPLAINT","2026-11-02T10:00:00.000000+00:00"\n',
        [("a@b.example", "complaint", 1793613600.0)],
    ),
    "plain": ("a@b.example\n\nAnn <c@b.example>\n", [("a@b.example", "manual", None), ("c@b.example", "manual", None)]),
    "tabs": ("E-Mail\tGrund\na@b.example\tabgemeldet\n", [("a@b.example", "unsubscribed", None)]),
}


@pytest.fixture
def ledger(store, clock):
    clock.advance(2_000_000_000.0 - clock.now())
    return SuppressionList(store.main, clock)


async def listed(ledger):
    return [(one.email_key, one.reason, one.at) for one in await ledger.page(1, limit=1000)]


@pytest.mark.parametrize("name", list(EXPORTS))
async def test_exports_of_other_products(ledger, clock, tmp_path, name):
    text, wanted = EXPORTS[name]
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8-sig")
    result = await ledger.take(file, 1)
    assert (result.added, result.refused) == (len(wanted), 0)
    now = clock.now()
    assert await listed(ledger) == [(key, reason, now if at is None else min(at, now)) for key, reason, at in wanted]


async def test_what_cannot_be_read_is_told_by_line_and_the_rest_is_taken(ledger, tmp_path):
    file = tmp_path / "list.csv.gz"
    file.write_bytes(
        gzip.compress(b"email,reason\na@b.example,complaint\nnobody,complaint\n,x\nA@b.example,complaint\n")
    )
    result = await ledger.take(file, 1)
    assert (result.rows, result.added, result.known, result.refused) == (4, 1, 1, 2)
    assert [row.line for row in result.examples] == [3, 4]
    assert "nobody" in result.examples[0].reason


async def test_what_was_exported_is_imported_again(ledger, store, tmp_path):
    await store.main.write(
        suppressions.add, 1, "a@b.example", "hard-bounce", at=5.0, detail="=cmd|' /C calc'!A0", campaign_id=7
    )
    await ledger.add(1, ["Ann@B.example", "ann@b.example"], "complaint")
    out = io.StringIO()
    assert await ledger.write(out, 1) == 2
    assert "\n=cmd" not in out.getvalue()
    assert ",=" not in out.getvalue()
    file = tmp_path / "out.csv"
    file.write_text(out.getvalue())
    before = await listed(ledger)
    assert await ledger.remove(1, ["a@b.example", "ann@b.example", "x@b.example"]) == 2
    assert await listed(ledger) == []
    assert (await ledger.take(file, 1)).added == 2
    assert [(key, reason, int(at)) for key, reason, at in await listed(ledger)] == [
        (key, reason, int(at)) for key, reason, at in before
    ]
    assert await ledger.counts(1) == {"complaint": 1, "hard-bounce": 1}


async def test_more_than_one_batch(ledger, tmp_path):
    file = tmp_path / "many.csv"
    file.write_text("email\n" + "".join(f"p{number}@b.example\n" for number in range(2500)))
    result = await ledger.take(file, 1, "unsubscribed")
    assert (result.added, result.by_reason) == (2500, {"unsubscribed": 2500})
    assert (await ledger.take(file, 1)).known == 2500


@pytest.mark.parametrize("content", [b"name,age\nAnn,3\n", b"\x1f\x8bbroken"])
async def test_a_file_that_is_none(ledger, tmp_path, content):
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    with pytest.raises(Invalid):
        await ledger.take(file, 1)


async def test_mistakes_are_named(ledger, tmp_path):
    for wrong in (
        ledger.add(1, ["nobody"]),
        ledger.add(1, ["a@b.example"], "because"),
        ledger.take(tmp_path / "no", 1),
    ):
        with pytest.raises(Invalid):
            await wrong
    assert await listed(ledger) == []


def test_reasons_are_known_by_words():
    told = ["Soft Bounce", "550 5.1.1 gone", "Spam complaint", "Opted out", "AdminBlocked by hand", "blue"]
    assert [reason_of(words) for words in told] == [
        "soft-bounces",
        "hard-bounce",
        "complaint",
        "unsubscribed",
        "manual",
        "",
    ]


@given(st.lists(st.text(max_size=20), max_size=6), st.lists(st.text(max_size=20), max_size=6))
def test_any_row_is_read_or_refused(header, cells):
    try:
        layout = Layout.of(header)
        found = entry(layout, cells, "manual")
    except NotRead:
        return
    assert found.reason in REASONS
    assert "@" in found.email_key


@given(st.text(max_size=30))
def test_any_date_is_read_or_none(text):
    assert moment(text) is None or isinstance(moment(text), float)

"""The public archive: what everybody may read, and as a feed; the version in the browser."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from lettershop.mail.accounts import Accounts
from lettershop.mail.passwords import Passwords
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing.archive import PAGE, Archive, ArchivePage, Letter, atom
from lettershop.marketing.campaigns import Campaigns, Draft
from lettershop.marketing.public import PublicActions
from lettershop.store import campaigns, contacts, lists, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

URL = "https://m.example"
HTML = """<p>Dear {{ first_name | default("reader") }}, <a href="https://s.example/x">look</a> {{ brand }}</p>
{{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a> <a href="{{ web_version_url }}">Browser</a>"""
DRAFT = Draft(
    name="C",
    subject="News & more, {{ first_name | default('you') }}",
    preheader="<b>",
    brand="B",
    html=HTML,
    list_name="News",
)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def shop(store, clock):
    now = clock.now()
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    await Accounts(store.mail, Passwords(clock), clock).add_domain("b.example", workspace_id=workspace)
    brand = {"name": "B & Co", "from_name": "B", "from_address": "b@b.example", "postal_address": "1 Street"}
    await store.main.write(workspaces.ensure_brand, workspace, at=1.0, **{**brand, "name": "B"})
    await store.main.write(lists.create, workspace, "News", now, public=True, double_opt_in=True, archive=True)
    ann = NewContact("ann@r.example", "ann@r.example", "r.example", "Ann", {"first_name": "Ann"})
    await store.main.write(contacts.take, workspace, 1, [ann], Consent("express", "a test", "import"), now)
    return Campaigns(store.main, store.mail, clock, URL)


async def sent(shop, **more):
    key = await shop.create(1, replace(DRAFT, **more))
    await shop.start(key)
    return key


async def ids(archive, **more):
    page = await archive.page(1, **more)
    return [letter.id for letter in page.letters]


async def test_it_shows_what_went_to_the_whole_list_or_says_yes(store, shop):
    archive = Archive(store.main, URL)
    assert (await archive.page(1)).letters == ()
    await shop.create(1, DRAFT)
    whole = await sent(shop)
    await sent(shop, archive="no")
    part = {"segment": 'email contains "r.example"'}
    await sent(shop, **part)
    yes = await sent(shop, archive="yes", **part)
    await sent(shop, list_name="")
    assert await ids(archive) == [yes, whole]
    await shop.cancel(yes)
    assert await ids(archive) == [whole]


async def test_only_public_lists_that_want_it_have_one(store, shop):
    key, archive = await sent(shop), Archive(store.main, URL)
    for off in ({"public": False}, {"archive": False}):
        await store.main.write(lists.change, 1, 1, **off)
        assert await archive.page(1) is None and await archive.feed(1) is None and await archive.letter(1, key) is None
        await store.main.write(lists.change, 1, 1, public=True, archive=True)
    assert await archive.page(77) is None and await archive.letter(1, 77) is None
    other = await store.main.write(subscriptions.ensure_list, 1, "Other", 1.0)
    await store.main.write(lists.change, 1, other, public=True, archive=True)
    assert await archive.letter(other, key) is None and await archive.letter(1, key) is not None


async def test_its_letters_name_nobody_and_lead_into_the_list(store, shop):
    key, archive = await sent(shop, variants={"de": {"html": "Hallo " + HTML}}), Archive(store.main, URL)
    page = await archive.letter(1, key)
    assert "Dear reader" in page and 'href="https://s.example/x"' in page and "Ann" not in page
    assert f'href="{URL}/subscribe/1"' in page and f'href="{URL}/archive/1/{key}"' in page
    for secret in ("/o/", "/c/", "/u/", "/v/"):
        assert f"{URL}{secret}" not in page


async def test_what_cannot_be_made_for_nobody_is_not_there(store, shop):
    key = await sent(shop, html=HTML + "{{ range(1000) }}")
    assert await Archive(store.main, URL).letter(1, key) is None


async def test_it_comes_in_pages(store, shop):
    keys = [await sent(shop) for _ in range(PAGE + 2)]
    archive = Archive(store.main, URL)
    first = await archive.page(1)
    assert [one.id for one in first.letters] == keys[:1:-1] and first.older == f"{URL}/archive/1?before={keys[2]}"
    second = await archive.page(1, before=keys[2])
    assert [one.id for one in second.letters] == keys[1::-1] and second.older == ""


async def test_the_feed_is_atom(store, shop, clock):
    key = await sent(shop)
    feed = ElementTree.fromstring(await Archive(store.main, URL).feed(1))
    assert feed.tag == f"{ATOM}feed" and feed.findtext(f"{ATOM}title") == "News"
    assert feed.findtext(f"{ATOM}id") == f"{URL}/archive/1" and feed.findtext(f"{ATOM}updated").endswith("Z")
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "News & more, you" and entry.findtext(f"{ATOM}summary") == "<b>"
    assert entry.find(f"{ATOM}link").get("href") == entry.findtext(f"{ATOM}id") == f"{URL}/archive/1/{key}"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "B"


@pytest.mark.parametrize("words", ["<&>\"'", "\x00\x08\x0b\ufffe\ud800", "]]>", "é 🎉"])
def test_no_words_break_the_feed(words):
    page = ArchivePage(
        words, (Letter(1, words, words, words, 0.0, f"https://x.example/?{words}"),), words, words, words, ""
    )
    feed = ElementTree.fromstring(atom(page).encode())
    assert feed.findtext(f"{ATOM}title") == "".join(one for one in words if one not in "\x00\x08\x0b\ufffe\ud800")


async def test_in_the_browser_it_is_the_message_of_that_person_and_a_test_is_nobodys(store, shop, clock):
    key = await sent(shop)
    tokens = Tokens(b"k" * 32)
    actions = PublicActions(store.main, tokens, clock, URL)
    token, test = tokens.seal(Recipient(key, 5, 1)), tokens.seal(Recipient(key, 0, 0))
    page = await actions.web_version(token)
    assert "Dear Ann" in page and f"{URL}/c/{token}/1" in page and f"{URL}/u/{token}" in page
    assert await actions.web_version(token) == page
    page = await actions.web_version(test)
    assert "Dear reader" in page and 'href="https://s.example/x"' in page and f"{URL}/o/" not in page
    assert await actions.web_version(tokens.seal(Recipient(key, 5, 99))) is None
    draft = await shop.create(1, DRAFT)
    token = tokens.seal(Recipient(draft, 0, 0))
    assert "Dear reader" in await actions.web_version(token)
    await store.main.write(campaigns.change, draft, html="changed {{ unsubscribe_url }}")
    assert "changed" in await actions.web_version(token)

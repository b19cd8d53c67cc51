"""The table of moves, and campaign files."""

import pytest

from lettershop.marketing import campaign_file
from lettershop.marketing.campaigns import MOVES, CampaignInvalid, Campaigns, CampaignUnknown, Draft, MoveNotAllowed
from lettershop.marketing.segments import SegmentInvalid
from lettershop.samples import CAMPAIGN
from lettershop.store import campaigns, subscriptions, workspaces
from lettershop.workers.campaigns import CampaignWorker

STATES = {"draft", "scheduled", "recurring", "sending", "paused", "done", "cancelled"}
DRAFT = Draft(name="C", subject="S", brand="B", html="H")


@pytest.fixture
async def service(store, clock):
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    await store.main.write(
        workspaces.ensure_brand, workspace, name="B", from_name="B", from_address="b@b.example", at=1.0
    )
    return Campaigns(store.main, store.mail, clock, "https://m.example")


def test_the_table_names_only_known_states_and_ends_somewhere():
    for sources, target in MOVES.values():
        assert set(sources) <= STATES and target in STATES
    assert not any("done" in sources or "cancelled" in sources for sources, _ in MOVES.values())


@pytest.mark.parametrize("state", sorted(STATES))
@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "unschedule"])
async def test_every_move_from_every_state(store, service, state, action):
    key = await service.create(1, DRAFT)
    await store.main.write(campaigns.move, key, state, only_from=["draft"], at=1.0)
    sources, target = MOVES[action]
    move = getattr(service, action)
    if state in sources:
        await move(key)
        assert (await service.get(key)).state == target
    else:
        with pytest.raises(MoveNotAllowed):
            await move(key)
        assert (await service.get(key)).state == state


async def test_what_a_draft_names_must_exist(store, service):
    for bad in (
        Draft(name="C", subject="S", brand="X", html="H"),
        Draft(name="C", subject="S", brand="B", html="H", list_name="X"),
    ):
        with pytest.raises(CampaignInvalid):
            await service.create(1, bad)
    for segment in ('in list "X"', "plan ="):
        with pytest.raises(SegmentInvalid):
            await service.create(1, Draft(name="C", subject="S", brand="B", html="H", segment=segment))
    with pytest.raises(CampaignUnknown):
        await service.get(77)


async def test_a_draft_can_be_changed_and_found(store, service):
    key = await service.create(1, DRAFT)
    await service.change(key, Draft(name="D", subject="new", brand="B", html="H"))
    found = await service.find(1, "D")
    assert (found.id, found.subject, found.version) == (key, "new", 2)
    assert (await service.find(1, str(key))).id == key
    await service.cancel(key)
    with pytest.raises(MoveNotAllowed):
        await service.change(key, DRAFT)
    with pytest.raises(CampaignUnknown):
        await service.find(1, "nothing")


async def test_a_scheduled_campaign_that_may_not_be_sent_is_a_draft_again(store, service, clock):
    key = await service.create(1, DRAFT)
    await store.main.write(campaigns.move, key, "scheduled", only_from=["draft"], at=1.0, scheduled_at=clock.now() + 5)
    worker = CampaignWorker(store.main, service, clock, expire=60.0)
    await worker.step()
    assert (await service.get(key)).state == "scheduled"
    clock.advance(6.0)
    await worker.step()
    assert (await service.get(key)).state == "draft"


def test_the_sample_campaign_file():
    file = campaign_file.read(CAMPAIGN)
    assert file.draft.brand == file.brand["name"] == "Juniper & Pine"
    assert "{{ unsubscribe_url }}" in file.draft.html and "{{ unsubscribe_url }}" in file.draft.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not valid TOML"),
        ('name = "a"', "subject is missing"),
        ('name = "a"\nsubjct = "b"', "unknown key subjct"),
        ('name = "a"\nsubject = "b"\nbrand = "c"\nhtml = "nowhere.html"', "cannot be read"),
        ('name = "a"\nsubject = "b"\nhtml = "c"\n[brand]\nnme = "x"', "unknown key nme"),
    ],
)
def test_bad_campaign_files_say_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "campaign.toml"
    path.write_text(text)
    with pytest.raises(CampaignInvalid) as refused:
        campaign_file.read(path)
    assert words in refused.value.public


async def test_lists_are_named_in_segments(store, service):
    await store.main.write(subscriptions.ensure_list, 1, "News", 1.0)
    key = await service.create(
        1, Draft(name="C", subject="S", brand="B", html="H", list_name="News", segment='in list "News"')
    )
    assert (await service.get(key)).tree == {"op": "list", "name": "News"}

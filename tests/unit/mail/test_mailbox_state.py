"""A mailbox in memory, and a session's numbers: whatever happens in whatever order, a client that follows the news knows
the mailbox."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lettershop.mail.mailbox.state import Index, View
from lettershop.store.mailboxes import Mailbox
from lettershop.store.messages import Changes, Chosen, IndexRow

BOX = Mailbox(1, 1, "INBOX", 7, 1, 1, 0, 0, 0, "", 1)


class Server:
    """The truth: what the store would say."""

    def __init__(self) -> None:
        self.modseq, self.uid_next = 1, 1
        self.rows: dict[int, IndexRow] = {}
        self.gone: dict[int, int] = {}

    def news(self, since: int) -> Changes:
        box = replace(BOX, modseq=self.modseq, uid_next=self.uid_next)
        rows = [row for _, row in sorted(self.rows.items()) if row[2] > since]
        return Changes(box, rows, [uid for uid, modseq in self.gone.items() if modseq > since])

    def do(self, what: str, number: int) -> None:
        self.modseq += 1
        if what == "append":
            self.rows[self.uid_next] = (self.uid_next, 0, self.modseq, 100, 0.0, "")
            self.uid_next += 1
        elif self.rows:
            uid = sorted(self.rows)[number % len(self.rows)]
            if what == "expunge":
                del self.rows[uid]
                self.gone[uid] = self.modseq
            else:
                row = self.rows[uid]
                self.rows[uid] = (uid, row[1] ^ 1, self.modseq, *row[3:])


class Client:
    """Follows what it is told, as RFC 9051 7.5 says."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.uids = list(view.uids)
        self.flags = dict(zip(view.index.uids, view.index.flags, strict=True))

    def hear(self, *, expunge: bool) -> None:
        news = self.view.catch_up(expunge=expunge)
        assert expunge or not news.expunged
        for number in news.expunged:
            del self.uids[number - 1]
        if news.exists is not None:
            assert news.exists > len(self.uids)
            self.uids += self.view.uids[len(self.uids) :]
        for uid in [*news.changed, *news.arrived]:
            place = self.view.index.find(uid)
            assert place is not None
            self.flags[uid] = self.view.index.flags[place]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "expunge", "flag", "look", "hear", "hear-late"]), st.integers(0, 30)
    ),
    max_size=40,
)


@given(STEPS)
def test_a_client_that_listens_knows_the_mailbox(steps: list[tuple[str, int]]) -> None:
    server = Server()
    server.do("append", 0)
    index = Index(server.news(0))
    clients = [Client(View(index)), Client(View(index))]
    for what, number in steps:
        if what == "look":
            index.apply(server.news(max(0, index.modseq - number % 3)))  # may hear the same twice
        elif what.startswith("hear"):
            clients[number % 2].hear(expunge=what == "hear")
        else:
            server.do(what, number)
    index.apply(server.news(index.modseq))
    for client in clients:
        client.hear(expunge=True)
        assert client.uids == client.view.uids == index.uids == sorted(server.rows)
        assert {uid: client.flags[uid] for uid in client.uids} == {uid: row[1] for uid, row in server.rows.items()}
        assert client.view.exact


def test_older_news_change_nothing() -> None:
    server = Server()
    server.do("append", 0)
    index, old = Index(server.news(0)), server.news(0)
    server.do("flag", 0)
    index.apply(server.news(index.modseq))
    index.apply(old)
    assert index.flags == [1]


def test_numbers_stay_while_expunge_may_not_be_told() -> None:
    server = Server()
    for _ in range(3):
        server.do("append", 0)
    index = Index(server.news(0))
    view = View(index)
    server.do("expunge", 0)
    server.do("append", 0)
    index.apply(server.news(index.modseq))
    late = view.catch_up(expunge=False)
    assert (late.expunged, late.exists, view.uids) == ([], 4, [1, 2, 3, 4])
    assert view.places([0, 1, 3]) == [None, 0, 2]
    assert view.catch_up().expunged == [1]
    assert view.uids == [2, 3, 4]


def test_a_sessions_own_changes_are_not_told() -> None:
    server = Server()
    server.do("append", 0)
    index = Index(server.news(0))
    view = View(index)
    server.do("flag", 0)
    index.apply(server.news(index.modseq))
    assert view.catch_up(own=server.modseq).changed == []


def test_chosen_messages_are_a_range_where_they_can_be() -> None:
    server = Server()
    for _ in range(5):
        server.do("append", 0)
    server.do("expunge", 1)
    view = View(Index(server.news(0)))
    assert view.chosen([0, 1, 2]) == Chosen(1, 4)
    assert view.chosen([0, 2]) == Chosen(1, 4, [1, 4])


def test_keywords() -> None:
    rows: list[IndexRow] = [(1, 0, 1, 1, 0.0, "b a"), (2, 0, 1, 1, 0.0, ""), (3, 0, 1, 1, 0.0, "a")]
    assert Index(Changes(BOX, rows, ())).keywords() == ["a", "b"]

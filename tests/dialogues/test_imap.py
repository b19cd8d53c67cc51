"""IMAP as dialogues: each is played on the session in memory, byte by byte, and over TCP."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from tests.dialogue import WIRES, Sessions, Wire, play
from tests.mailstore import MemoryBlobs, add_account, message

from lettershop.base.clock import SystemClock
from lettershop.base.errors import Temporary
from lettershop.mail.mailbox.service import Mailboxes, Upload
from lettershop.net.stream import Session
from lettershop.servers.clients import Services
from lettershop.servers.imap import ImapSession, Settings
from lettershop.store.migrate import MAIL, open_half, upgrade
from lettershop.wire.sasl import Credentials, Principal

pytestmark = pytest.mark.parametrize("wire", WIRES, ids=["memory", "bytewise", "tcp"])
Make = Callable[[Sessions], Wire]
AT = 1_700_000_000.0


class Staged:
    """A service with one account, whose password is "secret"."""

    def __init__(self, mailboxes: Mailboxes, account: int) -> None:
        self.mailboxes, self.account = mailboxes, account
        self.in_clear = True
        self.append_limit = 1000

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        if credentials.user == "down":
            raise Temporary("Cannot check passwords now.")
        good = (credentials.user, credentials.password) == ("ann", "secret")
        return Principal(self.account, "ann@shop.example") if good else None

    async def add(self, *messages: bytes, flags: int = 0) -> None:
        for data in messages:
            await self.mailboxes.append(self.account, "INBOX", [Upload(data, AT, flags)])

    async def talk(self, script: str, wire: Make) -> None:
        services = Services(self.mailboxes, self, lambda peer_ip: self.in_clear)
        settings = Settings("mail.shop.example", self.append_limit)
        await play(script, wire(lambda: cast(Session, ImapSession(services, settings))))

    async def selected(self, script: str, wire: Make, *, box: str = "INBOX") -> None:
        """The script, after the log-in and SELECT."""
        lines = f"{IN}\nC: s SELECT {box}\n" + "S~ \\* .*\n" * (8 if await self._unseen(box) else 7) + "S: s OK …\n"
        await self.talk(lines + script, wire)

    async def _unseen(self, box: str) -> int:
        return (await self.mailboxes.find(self.account, box)).unseen


@pytest.fixture
async def staged(tmp_path: Path) -> AsyncIterator[Staged]:
    url = f"sqlite:///{tmp_path}/mail.db"
    await upgrade(url)
    db = open_half(url, MAIL)
    yield Staged(Mailboxes(db, MemoryBlobs(), SystemClock()), await db.write(add_account))
    await db.close()


IN = """
    S: * OK [CAPABILITY IMAP4rev1 …] mail.shop.example ready.
    C: l LOGIN ann secret
    S: l OK [CAPABILITY …] Logged in.
"""


async def test_log_in_and_out(wire: Make, staged: Staged) -> None:
    script = """
        S~ \\* OK \\[CAPABILITY IMAP4rev1 .*STARTTLS AUTH=PLAIN AUTH=LOGIN\\] mail.shop.example ready.
        C: a CAPABILITY
        S: * CAPABILITY IMAP4rev1 …
        S: a OK …
        C: b SELECT INBOX
        S: b BAD Not now.
        C: c LOGIN ann wrong
        S: c NO [AUTHENTICATIONFAILED] …
        C: d LOGIN down x
        S: d NO [UNAVAILABLE] Cannot check passwords now.
        C: e LOGIN {3}
        S: + Go on.
        C> ann {6+}\\r\\nsecret\\r\\n
        S: e OK [CAPABILITY …] Logged in.
        C: f LOGIN ann secret
        S: f BAD Not now.
        C: g LOGOUT
        S: * BYE Good-bye.
        S: g OK Logged out.
        EOF
    """
    await staged.talk(script, wire)


async def test_sasl(wire: Make, staged: Staged) -> None:
    script = """
        S: * OK …
        C: a AUTHENTICATE PLAIN
        S: +…
        C: *
        S: a BAD …
        C: b AUTHENTICATE LOGIN
        S: + VXNlcm5hbWU6
        C: YW5u
        S: + UGFzc3dvcmQ6
        C: d3Jvbmc=
        S: b NO [AUTHENTICATIONFAILED] …
        C: c AUTHENTICATE CRAM-MD5
        S: c NO …
        C: d AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=
        S: d OK [CAPABILITY …] Logged in.
        C: e AUTHENTICATE PLAIN
        S: e BAD …
    """
    await staged.talk(script, wire)


async def test_without_tls_nobody_logs_in_and_starttls_opens_the_door(wire: Make, staged: Staged) -> None:
    staged.in_clear = False
    script = """
        S~ \\* OK \\[CAPABILITY .* STARTTLS LOGINDISABLED\\] .*
        C: a LOGIN ann secret
        S: a NO [PRIVACYREQUIRED] …
        C: b AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=
        S: b NO [PRIVACYREQUIRED] …
        C: c STARTTLS
        S: c OK Begin TLS now.
        TLS
        C: d STARTTLS
        S: d BAD …
        C: e LOGIN ann secret
        S: e OK [CAPABILITY …] Logged in.
    """
    await staged.talk(script, wire)


async def test_too_many_wrong_passwords_end_the_conversation(wire: Make, staged: Staged) -> None:
    tries = "C: a LOGIN ann wrong\nS: a NO …\n" * 5
    await staged.talk(f"S: * OK …\n{tries}S: * BYE Too many failed log-ins.\nEOF", wire)


async def test_nonsense_before_the_log_in_ends_the_conversation(wire: Make, staged: Staged) -> None:
    await staged.talk("S: * OK …\n" + "C: GET / HTTP/1.1\nS: GET BAD …\n" * 5 + "S: * BYE …\nEOF", wire)


async def test_select_says_what_has_to_be_said(wire: Make, staged: Staged) -> None:
    await staged.add(message(), flags=1)
    await staged.add(message())
    script = """
        C: a SELECT inbox
        S: * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)
        S: * OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] …
        S: * 2 EXISTS
        S: * 2 RECENT
        S: * OK [UNSEEN 2] …
        S~ \\* OK \\[UIDVALIDITY \\d+\\] .*
        S: * OK [UIDNEXT 3] …
        S~ \\* OK \\[HIGHESTMODSEQ \\d+\\] .*
        S: a OK [READ-WRITE] Opened.
        C: b ENABLE IMAP4rev2 BOGUS
        S: * ENABLED IMAP4rev2
        S: b OK …
        C: c EXAMINE Sent
        S: * OK [CLOSED] …
        S: * FLAGS (…)
        S: * OK [PERMANENTFLAGS ()] …
        S: * 0 EXISTS
        S: * LIST () "/" Sent
        S: * OK [UIDVALIDITY …
        S: * OK [UIDNEXT 1] …
        S: * OK [HIGHESTMODSEQ 1] …
        S: c OK [READ-ONLY] Opened.
        C: d SELECT Nothing
        S: * OK [CLOSED] …
        S: d NO [NONEXISTENT] …
        C: e CHECK
        S: e BAD Not now.
    """
    await staged.talk(IN + script, wire)


async def test_mailboxes_are_made_renamed_and_deleted(wire: Make, staged: Staged) -> None:
    script = """
        C: a CREATE "p&AOQA5A-/"
        S: a OK Created.
        C: b CREATE "p&AOQA5A-"
        S: b NO [ALREADYEXISTS] …
        C: c RENAME "p&AOQA5A-" Work/Old
        S: c OK Renamed.
        C: d LIST "" Work*
        S: * LIST (\\Noselect \\HasChildren) "/" Work
        S: * LIST (\\HasNoChildren) "/" Work/Old
        S: d OK Listed.
        C: e SELECT Work
        S: e NO [NONEXISTENT] …
        C: f DELETE INBOX
        S: f NO [CANNOT] …
        C: g CREATE a//b
        S: g NO [CANNOT] …
        C: h DELETE Work/Old
        S: h OK Deleted.
        C: i DELETE Work/Old
        S: i NO [NONEXISTENT] …
        C: j CREATE Papers (USE (\\Sent))
        S: j NO [USEATTR] …
        C: k LIST "" "" RETURN (CHILDREN)
        S: k OK Listed.
        C: l LIST "" ""
        S: * LIST (\\Noselect) "/" ""
        S: l OK Listed.
        C: m LIST (SPECIAL-USE) "" % RETURN (STATUS (MESSAGES SIZE))
        S: * LIST (\\HasNoChildren \\Archive) "/" Archive
        S: * STATUS Archive (MESSAGES 0 SIZE 0)
        S: * LIST (\\HasNoChildren \\Drafts) "/" Drafts
        S: * STATUS …
        S: * LIST (\\HasNoChildren \\Junk) "/" Junk
        S: * STATUS …
        S: * LIST (\\HasNoChildren \\Sent) "/" Sent
        S: * STATUS …
        S: * LIST (\\HasNoChildren \\Trash) "/" Trash
        S: * STATUS …
        S: m OK Listed.
        C: n NAMESPACE
        S: * NAMESPACE (("" "/")) NIL NIL
        S: n OK …
        C: o DELETE "&AOQ"
        S: o NO [CANNOT] …
    """
    await staged.talk(IN + script, wire)


async def test_after_enable_names_are_utf8(wire: Make, staged: Staged) -> None:
    script = """
        C: a CREATE "&AOQ-"
        S: a OK Created.
        C: b LIST "" "&AOQ-"
        S: * LIST (\\HasNoChildren) "/" &AOQ-
        S: b OK Listed.
        C: c ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: c OK …
        C: d STATUS "ä" (MESSAGES)
        S: * STATUS "ä" (MESSAGES 0)
        S: d OK …
        C: f CREATE "ö/"
        S: * LIST () "/" "ö" ("OLDNAME" ("ö"))
        S: f OK Created.
    """
    await staged.talk(IN + script, wire)


async def test_append(wire: Make, staged: Staged) -> None:
    script = """
        C> a APPEND Sent (\\\\Seen Work) "17-Jul-1996 02:44:25 -0700" {5+}\\r\\nA: b\\n\\r\\n
        S~ a OK \\[APPENDUID \\d+ 1\\] Stored\\.
        C> b APPEND Nothing {1+}\\r\\nx\\r\\n
        S: b NO [TRYCREATE] …
        C: c APPEND Sent {1001}
        S: c NO [TOOBIG] …
        C> d APPEND Sent {1+}\\r\\nx {1+}\\r\\ny\\r\\n
        S~ d OK \\[APPENDUID \\d+ 2:3\\] Stored\\.
        C> e APPEND Sent {2+}\\r\\nx\\0\\r\\n
        S: e BAD …
        C: f SELECT Sent
        S: * FLAGS (… Work)
        S~ \\* OK \\[PERMANENTFLAGS.*
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * OK [UNSEEN 2] …
        S~ \\* OK \\[UIDV.*
        S~ \\* OK \\[UIDN.*
        S~ \\* OK \\[HIGH.*
        S: f OK …
        C: g FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)
        S: * 1 FETCH (FLAGS (\\Seen Work \\Recent) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE 5)
        S: g OK …
        C> h APPEND Sent {1+}\\r\\nz\\r\\n
        S: * 4 EXISTS
        S: * 4 RECENT
        S: h OK [APPENDUID …
    """
    await staged.talk(IN + script, wire)


async def test_fetch(wire: Make, staged: Staged) -> None:
    await staged.add(message("one"), message("two"))
    script = """
        C: a FETCH 1:* (UID FLAGS RFC822.SIZE)
        S~ \\* 1 FETCH \\(UID 1 FLAGS \\(\\\\Recent\\) RFC822.SIZE \\d+\\)
        S~ \\* 2 FETCH \\(UID 2 FLAGS \\(\\\\Recent\\) RFC822.SIZE \\d+\\)
        S: a OK Fetched.
        C: b FETCH 3 UID
        S: b BAD …
        C: c UID FETCH 3:* FLAGS
        S: * 2 FETCH (UID 2 FLAGS (\\Recent))
        S: c OK Fetched.
        C: c2 UID FETCH 3 FLAGS
        S: c2 OK Fetched.
        C: d FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]
        S: * 1 FETCH (BODY[HEADER.FIELDS (Subject)] {16}
        S: Subject: one
        S:
        S: )
        S: d OK Fetched.
        C: e UID FETCH 1 BODY[TEXT]<6.100>
        S: * 1 FETCH (UID 1 BODY[TEXT]<6> {7}
        S: world
        S~  FLAGS \\(\\\\Seen \\\\Recent\\)\\)
        S: e OK Fetched.
        C: f FETCH 1 BODY[1]
        S: * 1 FETCH (BODY[1] {13}
        S: Hello world
        S: )
        S: f OK Fetched.
        C: g FETCH 1 RFC822.HEADER
        S~ \\* 1 FETCH \\(RFC822.HEADER \\{\\d+\\}
        S: From: Bob <bob@b.example>
        S: To: ann@shop.example
        S: Subject: one
        S:
        S: )
        S: g OK Fetched.
    """
    await staged.selected(script, wire)


async def test_store_and_expunge(wire: Make, staged: Staged) -> None:
    await staged.add(message(), message(), message())
    script = """
        C: a STORE 1,3 +FLAGS (\\Deleted Work)
        S: * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft Work)
        S: * 1 FETCH (FLAGS (\\Deleted Work \\Recent))
        S: * 3 FETCH (FLAGS (\\Deleted Work \\Recent))
        S: a OK Stored.
        C: b STORE 2 +FLAGS.SILENT \\Flagged
        S: b OK Stored.
        C: c UID STORE 2 -FLAGS \\Flagged
        S: * 2 FETCH (UID 2 FLAGS (\\Recent))
        S: c OK Stored.
        C: d STORE 1 FLAGS (\\Recent)
        S: d BAD …
        C: e UID EXPUNGE 2:3
        S: * 3 EXPUNGE
        S: e OK Expunged.
        C: f EXPUNGE
        S: * 1 EXPUNGE
        S: f OK Expunged.
        C: g STATUS INBOX (MESSAGES UNSEEN DELETED UIDNEXT)
        S: * STATUS INBOX (MESSAGES 1 UNSEEN 1 DELETED 0 UIDNEXT 4)
        S: g OK …
        C: h STORE 1 FLAGS ()
        S: * 1 FETCH (FLAGS (\\Recent))
        S: h OK Stored.
    """
    await staged.selected(script, wire)


async def test_copy_and_move(wire: Make, staged: Staged) -> None:
    await staged.add(message("one"), message("two"), message("three"))
    script = """
        C: a COPY 1,3 Archive
        S~ a OK \\[COPYUID \\d+ 1,3 1:2\\] Copied\\.
        C: b COPY 1 Nothing
        S: b NO [TRYCREATE] …
        C: c UID MOVE 2 Archive
        S~ \\* OK \\[COPYUID \\d+ 2 3\\] Moved\\.
        S: * 2 EXPUNGE
        S: c OK Moved.
        C: d UID COPY 99 Archive
        S: d OK Nothing to copy.
        C: e STATUS Archive (MESSAGES)
        S: * STATUS Archive (MESSAGES 3)
        S: e OK …
        C: f CLOSE
        S: f OK Closed.
        C: g UNSELECT
        S: g BAD Not now.
    """
    await staged.selected(script, wire)


async def test_search(wire: Make, staged: Staged) -> None:
    await staged.add(message("one"), message("two"), message("three"))
    script = """
        C: a SEARCH SUBJECT t
        S: * SEARCH 2 3
        S: a OK Searched.
        C: b SEARCH RETURN (MIN MAX COUNT) ALL
        S: * ESEARCH (TAG "b") MIN 1 MAX 3 COUNT 3
        S: b OK Searched.
        C: c UID SEARCH RETURN (SAVE) SUBJECT two
        S: c OK Searched.
        C: d FETCH $ UID
        S: * 2 FETCH (UID 2)
        S: d OK Fetched.
        C: e SEARCH CHARSET X-FOO ALL
        S: e NO [BADCHARSET (US-ASCII UTF-8)] …
        C: f SEARCH SUBJECT nothing
        S: * SEARCH
        S: f OK Searched.
        C: g ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: g OK …
        C: h SEARCH 2:*
        S: * ESEARCH (TAG "h") ALL 2:3
        S: h OK Searched.
    """
    await staged.selected(script, wire)


async def test_condstore(wire: Make, staged: Staged) -> None:
    await staged.add(message(), message())
    script = """
        C: a STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)
        S: * OK [HIGHESTMODSEQ …
        S: a OK [MODIFIED 1] …
        C: b STORE 1 (UNCHANGEDSINCE 1000) +FLAGS.SILENT (\\Seen)
        S~ \\* 1 FETCH \\(MODSEQ \\(\\d+\\)\\)
        S: b OK Stored.
        C: c FETCH 1:* FLAGS (CHANGEDSINCE 3)
        S~ \\* 1 FETCH \\(FLAGS \\(\\\\Seen \\\\Recent\\) MODSEQ \\(\\d+\\)\\)
        S: c OK Fetched.
        C: d STATUS INBOX (HIGHESTMODSEQ)
        S~ \\* STATUS INBOX \\(HIGHESTMODSEQ \\d+\\)
        S: d OK …
    """
    await staged.selected(script, wire)


async def test_examine_changes_nothing(wire: Make, staged: Staged) -> None:
    await staged.add(message())
    script = """
        C: a EXAMINE INBOX
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK …
        S: * 1 EXISTS
        S: * 0 RECENT
        S: * OK [UNSEEN 1] …
        S: * OK …
        S: * OK …
        S: * OK …
        S: a OK [READ-ONLY] Opened.
        C: b STORE 1 FLAGS \\Seen
        S: b NO [READ-ONLY] …
        C: c FETCH 1 BODY[1]
        S: * 1 FETCH (BODY[1] {13}
        S: Hello world
        S: )
        S: c OK Fetched.
        C: d EXPUNGE
        S: d NO [READ-ONLY] …
    """
    await staged.selected(script, wire)


async def test_idle_tells_news_until_done(wire: Make, staged: Staged) -> None:
    script = """
        C: a IDLE
        S: + Waiting for news.
        C: DONE
        S: a OK No more news.
        C: b IDLE
        S: + Waiting for news.
        C: NOOP
        S: b BAD Expected DONE.
        C: c NOOP
        S: c OK Done.
    """
    await staged.selected(script, wire)


async def test_commands_sent_together_are_answered_in_order(wire: Make, staged: Staged) -> None:
    await staged.add(message())
    script = """
        C: a STORE 1 +FLAGS \\Deleted
        C: b EXPUNGE
        C: c NOOP
        C: d FETCH 1:* FLAGS
        C: e LOGOUT
        S: * 1 FETCH (FLAGS (\\Deleted \\Recent))
        S: a OK Stored.
        S: * 1 EXPUNGE
        S: b OK Expunged.
        S: c OK Done.
        S: d OK Fetched.
        S: * BYE …
        S: e OK …
        EOF
    """
    await staged.selected(script, wire)


async def test_deleting_the_open_mailbox_closes_it(wire: Make, staged: Staged) -> None:
    script = """
        C: a DELETE Trash
        S: a OK Deleted.
        C: b NOOP
        S: b OK Done.
        C: c FETCH 1 UID
        S: c BAD Not now.
    """
    await staged.selected(script, wire, box="Trash")


async def test_a_mailbox_that_somebody_else_deletes_ends_the_session(wire: Make, staged: Staged) -> None:
    class Deleting(ImapSession):
        async def received(self, data: bytes) -> None:
            await super().received(data)
            if self._context.selected is not None and not deleted:
                deleted.append(True)
                await staged.mailboxes.delete(staged.account, "Trash")

    deleted: list[bool] = []
    services = Services(staged.mailboxes, staged, lambda peer_ip: True)
    script = (
        IN + "C: s SELECT Trash\n" + "S~ \\* .*\n" * 7 + "S: s OK …\nC: a NOOP\nS: * BYE The mailbox was deleted.\nEOF"
    )
    await play(script, wire(lambda: cast(Session, Deleting(services, Settings("mail.shop.example")))))

"""One's own mailbox: folders, pages of messages, one message, its files; what moves and can be taken back.

The rules are in `mail.webmail`. A message's HTML comes from an address of its own, cleaned, into a sandboxed frame whose policy
lets nothing in but the pictures that it carries; files are only ever saved. What somebody does with their mail is not in the
log of acts.
"""

from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.webmail.clean import page as document
from lettershop.mail.webmail.desk import Desk, Folders, Moved, Place
from lettershop.mail.webmail.letter import File
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.ports import Services
from lettershop.servers.web.requests import client

HERE = "/mail"
DONE = {
    "sent": "The message is on its way.",
    "sent-only": "The message is on its way, but there was no room for a copy in the folder of sent mail.",
    "draft": "The draft is kept.",
    "moved": "Moved.",
    "archive": "Put into the archive.",
    "trash": "Put into the trash.",
    "junk": "Put into the folder of junk.",
    "delete": "Deleted for good.",
    "back": "It is back again.",
    "folder": "The folder is there.",
    "linked": "The mailbox is here now.",
    "unlinked": "The mailbox is not shown here any more. Its mail is where it was.",
    "nothing": "Choose messages first.",
}
ROLE_NAMES = {
    "\\Drafts": "Drafts", "\\Sent": "Sent mail", "\\Junk": "Junk", "\\Trash": "Trash", "\\Archive": "Archive", "INBOX": "Inbox",
}  # fmt: skip
ROLE_ICONS = {
    "\\Drafts": "write", "\\Sent": "sent", "\\Junk": "bounced", "\\Trash": "trash", "\\Archive": "archive", "INBOX": "inbox",
}  # fmt: skip
POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:{pictures}; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
SAVED = {
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
LONGEST = 200


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/mail` and all below it but for writing."""
    desk, own = services.webmail, services.own_mailboxes
    if desk is None or own is None:
        return None
    pages = MailPages(desk, own)
    box, one = f"{HERE}/{{account:int}}/{{box:int}}", f"{HERE}/{{account:int}}/{{box:int}}/{{uid:int}}"
    routes = [
        Route(HERE, ui.page("", pages.index), name="mail"),
        Route(f"{HERE}/link", ui.page("", pages.links)),
        Route(f"{HERE}/link", ui.page("", pages.link), methods=["POST"]),
        Route(f"{HERE}/unlink", ui.page("", pages.unlink), methods=["POST"]),
        Route(f"{HERE}/{{account:int}}/folders", ui.page("", pages.create), methods=["POST"]),
        Route(box, ui.page("", pages.list)),
        Route(f"{box}/do", ui.page("", pages.do), methods=["POST"]),
        Route(one, ui.page("", pages.show)),
        Route(f"{one}/html", ui.page("", pages.html)),
        Route(f"{one}/source", ui.page("", pages.source)),
        Route(f"{one}/file/{{number:int}}", ui.page("", pages.file)),
    ]
    return Screen("mail", routes, "Your mail", HERE, "mail", "Inbox")


class MailPages:
    """Lists, messages and commands."""

    def __init__(self, desk: Desk, own: OwnMailboxes) -> None:
        self._desk = desk
        self._own = own

    async def index(self, visit: Visit) -> Response:
        """The inbox of the mailbox that is asked for, or of the first; without one, how to get it."""
        accounts = await self._own.of(visit.who.user_id)
        if not accounts:
            return await self._links(visit)
        return visit.back_to(await self._inbox(visit.who.user_id, visit.query_id("account") or accounts[0].id))

    async def links(self, visit: Visit) -> Response:
        """Which mailboxes are shown here, and the form for another one."""
        return await self._links(visit)

    async def link(self, visit: Visit) -> Response:
        """Show one's own mailbox here, by its password."""
        address, password = visit.field("address"), visit.field("password", strip=False)
        try:
            account = await self._own.link(visit.who.user_id, address, password, client(visit.request.scope))
        except LettershopError as error:
            return await self._links(visit, error=error, address=address)
        return visit.back_to(f"{await self._inbox(visit.who.user_id, account.id)}?done=linked")

    async def unlink(self, visit: Visit) -> Response:
        """Show it no more."""
        await self._own.unlink(visit.who.user_id, positive(visit.field("account")) or 0)
        return visit.back_to(f"{HERE}/link?done=unlinked")

    async def list(self, visit: Visit) -> Response:
        """A page of a folder, or of what a search finds in it."""
        place, words = place_of(visit), visit.query.get("q", "")[:LONGEST].strip()
        page = await self._desk.page(place, words=words, before=visit.query_id("before"))
        here = path_of(place)
        return visit.show(
            "mail.html", screen="mail", page=page, folders=page.folders, box=page.box, here=here, search=words,
            first=f"{here}?{urlencode({'q': words})}" if visit.query.get("before") else "",
            more=f"{here}?{urlencode({'q': words, 'before': page.older})}" if page.older else "",
            done=DONE.get(visit.query.get("done", ""), ""), undo=_undo(visit, page.folders), **names(),
        )  # fmt: skip

    async def show(self, visit: Visit) -> Response:
        """One message."""
        place, uid = place_of(visit), visit.path_id("uid")
        shown = await self._desk.show(place, uid)
        plain = visit.query.get("view") == "text" or not shown.letter.html
        blocked = 0 if plain else (await self._desk.html(place, uid, remote=False)).blocked
        return visit.show(
            "mail_letter.html", screen="mail", shown=shown, letter=shown.letter, folders=shown.folders, box=shown.box,
            row=shown.row, here=path_of(place), plain=plain, blocked=blocked, remote=visit.query.get("remote") == "1",
            **names(),
        )  # fmt: skip

    async def html(self, visit: Visit) -> Response:
        """The message's HTML alone."""
        remote = visit.query.get("remote") == "1"
        found = await self._desk.html(place_of(visit), visit.path_id("uid"), remote=remote)
        policy = POLICY.format(pictures=" http: https:" if remote else "")
        headers = {
            "content-security-policy": policy, "x-frame-options": "SAMEORIGIN", "referrer-policy": "no-referrer",
        }  # fmt: skip
        return HTMLResponse(document(found), headers=headers)

    async def file(self, visit: Visit) -> Response:
        """One of its files, to be saved."""
        number = int(visit.request.path_params["number"])
        return saved(await self._desk.file(place_of(visit), visit.path_id("uid"), number))

    async def source(self, visit: Visit) -> Response:
        """The message as it came, to be saved."""
        uid = visit.path_id("uid")
        data = await self._desk.source(place_of(visit), uid)
        return saved(File(f"message-{uid}.eml", "message/rfc822", data))

    async def do(self, visit: Visit) -> Response:
        """What the buttons ask for, of one message or several."""
        quietly(visit)
        place, act = place_of(visit), visit.field("act")
        uids = [uid for one in visit.form.getlist("uid") if isinstance(one, str) and (uid := positive(one))]
        if not uids:
            return visit.back_to(f"{path_of(place)}?done=nothing")
        target = positive(visit.field("target"))
        moved = await self._desk.act(place, uids, act, target)
        if "hx-request" in visit.request.headers:
            return Response(status_code=204)
        if visit.field("undo") and target:
            return visit.back_to(f"{HERE}/{place.account_id}/{target}?done=back")
        if visit.field("stay") and moved is None and act not in ("delete", "unread"):
            return visit.back_to(f"{path_of(place)}/{uids[0]}")
        return visit.back_to(f"{path_of(place)}?{_told(act, moved)}")

    async def create(self, visit: Visit) -> Response:
        """Another folder."""
        quietly(visit)
        account_id = visit.path_id("account")
        made = await self._desk.create_folder(visit.who.user_id, account_id, visit.field("name"))
        return visit.back_to(f"{HERE}/{account_id}/{made.id}?done=folder")

    async def _inbox(self, user_id: int, account_id: int) -> str:
        folders = await self._desk.folders(user_id, account_id)
        return f"{HERE}/{account_id}/{folders.boxes[0].id}"

    async def _links(self, visit: Visit, *, error: LettershopError | None = None, address: str = "") -> Response:
        return visit.show(
            "mail_links.html", screen="mail", accounts=await self._own.of(visit.who.user_id), error=error,
            address=address or visit.who.email, done=DONE.get(visit.query.get("done", ""), ""),
            status=status_of(error) if error else 200,
        )  # fmt: skip


def place_of(visit: Visit) -> Place:
    """The folder that the path names."""
    return Place(visit.who.user_id, visit.path_id("account"), visit.path_id("box"))


def path_of(place: Place) -> str:
    """The path of a folder."""
    return f"{HERE}/{place.account_id}/{place.box_id}"


def names() -> dict[str, Any]:
    """How folders that everybody has are called and drawn."""
    return {"role_names": ROLE_NAMES, "role_icons": ROLE_ICONS}


def quietly(visit: Visit) -> None:
    """What follows is not noted in the log of acts: it is somebody's own mail."""
    visit.request.state.acting = None


def saved(file: File) -> Response:
    """A file that a browser saves and never shows (RFC 6266)."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "._- ") else "_" for one in file.name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}"
    return Response(
        file.data, headers={**SAVED, "content-disposition": disposition}, media_type="application/octet-stream"
    )


def _told(act: str, moved: Moved | None) -> str:
    if act == "delete":
        return "done=delete"
    if moved is None:
        return ""
    done = "moved" if act == "move" else act
    return urlencode({"done": done, "to": moved.box_id, "uids": ".".join(map(str, moved.uids))})


def _undo(visit: Visit, folders: Folders) -> tuple[int, list[str]] | None:
    """Where messages went that were just moved, as the address says; it is checked when somebody presses the button."""
    to, uids = visit.query_id("to"), visit.query.get("uids", "")[:2000].split(".")
    known = to is not None and any(box.id == to for box in folders.boxes)
    found = [uid for uid in uids if positive(uid)]
    return (to, found) if known and to is not None and found else None

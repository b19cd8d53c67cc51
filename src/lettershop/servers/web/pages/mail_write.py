"""Writing a message: the form, drafts, sending. The rules are in `mail.webmail.post`.

The form goes to one address for all mailboxes, which alone takes bodies as large as files are. If sending fails, what was
written is kept as a draft, with its files.
"""

from contextlib import suppress
from dataclasses import replace

from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import LettershopError
from lettershop.mail.webmail.letter import File, printable
from lettershop.mail.webmail.post import MOST_BYTES, MOST_FILES, Form, Post, Ref, Sheet
from lettershop.mail.webmail.writing import Fields
from lettershop.servers.web.frame import Screen, Ui, Visit, positive, status_of
from lettershop.servers.web.pages.mail import HERE, names, quietly
from lettershop.servers.web.ports import Services

WRITE = "/mail/write"
LARGEST = MOST_BYTES + 2**20
HOW = ("reply", "all", "forward", "draft")
KINDS = ("image", "audio", "video", "text", "application", "font")


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/mail/{account}/write` and `/mail/write`."""
    if services.post is None:
        return None
    pages = WritePages(services.post)
    routes = [
        Route(f"{HERE}/{{account:int}}/write", ui.page("", pages.begin)),
        Route(WRITE, ui.page("", pages.take), methods=["POST"]),
    ]
    return Screen("mail-write", routes)


class WritePages:
    """The form and its two buttons."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def begin(self, visit: Visit) -> Response:
        """An empty form, an answer, a message passed on, a draft."""
        how, ref = visit.query.get("how", ""), Ref.parse(visit.query.get("ref", ""))
        user, account = visit.who.user_id, visit.path_id("account")
        sheet = await self._post.begin(user, account, how if how in HOW else "", ref, visit.query.get("to", ""))
        return _page(visit, sheet)

    async def take(self, visit: Visit) -> Response:
        """Keep the draft or send the message."""
        quietly(visit)
        user, account = visit.who.user_id, positive(visit.field("account")) or 0
        form = await self._form(visit, account)
        try:
            if visit.field("do") != "send":
                kept = await self._post.save(user, account, form)
                return visit.back_to(f"{HERE}/{account}/write?how=draft&ref={kept.draft}&done=draft")
            copied = await self._post.send(user, account, form)
        except LettershopError as error:
            with suppress(LettershopError):
                form = await self._post.save(user, account, form)
            return _page(visit, await self._post.again(user, account, form), error=error)
        sheet = await self._post.again(user, account, form)
        return visit.back_to(f"{HERE}/{account}/{sheet.folders.boxes[0].id}?done={'sent' if copied else 'sent-only'}")

    async def _form(self, visit: Visit, account: int) -> Form:
        keep = [one for one in visit.form.getlist("keep") if isinstance(one, str)]
        names = {"sender": "from", "to": "to", "cc": "cc", "bcc": "bcc", "subject": "subject"}
        fields = {field: printable(visit.field(name)) for field, name in names.items()}
        form = Form(
            Fields(**fields, text=visit.field("text", strip=False)), visit.field("once")[:100],
            about=Ref.parse(visit.field("about")), forward=bool(visit.field("forward")),
            draft=Ref.parse(visit.field("draft")),
            carried=await self._post.carried(visit.who.user_id, account, keep),
        )  # fmt: skip
        return replace(form, files=tuple([await _file(one) for one in visit.form.getlist("files") if _is_file(one)]))


def _is_file(value: object) -> bool:
    return isinstance(value, UploadFile) and bool(value.filename)


async def _file(value: object) -> File:
    assert isinstance(value, UploadFile), "asked before"
    kind, _, subtype = (value.content_type or "").partition("/")
    plain = subtype.replace("-", "").replace(".", "").replace("+", "")
    known = kind in KINDS and plain.isascii() and plain.isalnum() and len(subtype) < 100
    name = printable(value.filename or "").replace("\\", "/").rpartition("/")[2][:200] or "file"
    return File(name, f"{kind}/{subtype}" if known else "application/octet-stream", await value.read())


def _page(visit: Visit, sheet: Sheet, *, error: LettershopError | None = None) -> Response:
    kept = sheet.form.draft is not None and (error is not None or visit.query.get("done") == "draft")
    return visit.show(
        "mail_write.html", screen="mail", sheet=sheet, form=sheet.form, fields=sheet.form.fields, folders=sheet.folders,
        box=None, error=error, kept=kept, most=MOST_BYTES, most_files=MOST_FILES,
        status=status_of(error) if error else 200, **names(),
    )  # fmt: skip

"""The pages that recipients see: unsubscribe, its way back, the message in the browser. They work without JavaScript."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lettershop.base.errors import LettershopError
from lettershop.servers.web.frame import Ui, status_of
from lettershop.servers.web.languages import LANGUAGES
from lettershop.servers.web.ports import ArchivePage, ConfirmView, JoinForm, UnsubscribeView
from lettershop.servers.web.security import Headers

if TYPE_CHECKING:  # marketing may be absent; then nobody asks
    from lettershop.marketing.preferences import PreferencesView, RequestView

EVERY = {0: "every newsletter", 7: "at most one a week", 14: "at most one in two weeks", 30: "at most one a month"}
PAUSES = {0: "no pause", 30: "a pause of 30 days", 90: "a pause of 90 days"}
HTML = (b"content-type", b"text/html; charset=utf-8")
QUIET = (b"referrer-policy", b"no-referrer")
SHORTLY = (b"cache-control", b"public, max-age=300")
MESSAGE_POLICY = (
    b"sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    b"style-src 'unsafe-inline'; font-src https:; frame-ancestors 'none'"
)
"""A message is foreign HTML: no script, no form, and an origin of its own, so it can reach nothing of the interface."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, ready to send."""

    status: int
    body: bytes
    headers: Headers


class PublicPages:
    """Makes the pages; decides nothing."""

    def __init__(self, ui: Ui, language: str = "en") -> None:
        self._ui = ui
        self._language = language

    def speaking(self, language: str) -> "PublicPages":
        """The same pages in another language; in English where that is not spoken."""
        return PublicPages(self._ui, language) if language in LANGUAGES else self

    def unsubscribe(self, view: UnsubscribeView, action: str, token: str) -> Page:
        """Asks, and after `action` says what became of it and offers the way back."""
        return self._page("unsubscribe.html", view=view, action=action, preferences=f"/p/{token}")

    def confirm(self, view: ConfirmView) -> Page:
        """Asks whether they want to be on the list, or says that they are."""
        return self._page("confirm.html", view=view)

    def subscribe(
        self, form: JoinForm, *, done: bool = False, error: bool = False, email: str = "", name: str = ""
    ) -> Page:
        """The form of a list; after it was sent, the same words for everybody."""
        status = 400 if error else 200
        return self._page("subscribe.html", status=status, form=form, done=done, error=error, email=email, name=name)

    def preferences(self, view: "PreferencesView", done: str) -> Page:
        """Topics, pace, pause, tracking; `done`: what the button did."""
        return self._page("preferences.html", view=view, done=done, every=EVERY, pauses=PAUSES)

    def data_request(self, view: "RequestView", *, done: bool = False) -> Page:
        """One's data, or their erasure, behind one more button."""
        return self._page("data_request.html", view=view, done=done)

    def one_click(self) -> Page:
        """The answer to a mail client, which shows it to nobody (RFC 8058 3.2: no redirect)."""
        return Page(200, b"Unsubscribed.\n", ((b"content-type", b"text/plain; charset=utf-8"),))

    def web_version(self, html: str) -> Page:
        """The message itself."""
        policy = (b"content-security-policy", MESSAGE_POLICY)
        return Page(200, html.encode(), (HTML, QUIET, policy, (b"x-robots-tag", b"noindex")))

    def archive(self, page: ArchivePage) -> Page:
        """What was sent to a public list."""
        return self._page("archive.html", page=page)

    def feed(self, feed: bytes) -> Page:
        """The same as Atom."""
        return Page(200, feed, ((b"content-type", b"application/atom+xml; charset=utf-8"), SHORTLY))

    def not_found(self) -> Page:
        """The link is none of ours, or was cut off."""
        return self._message(404, "This link does not work", "Perhaps a part of it got lost when it was copied.")

    def too_large(self) -> Page:
        """The body of a POST was too long."""
        return self._message(413, "This request is too large", "Please use the form on our page.")

    def not_allowed(self, methods: str) -> Page:
        """Another method."""
        page = self._message(405, "This does not work here", "")
        return Page(page.status, page.body, (*page.headers, (b"allow", methods.encode())))

    def failed(self, error: LettershopError) -> Page:
        """A service said no; its public words only."""
        return self._message(
            status_of(error), error.public, error.remedy or ("Please try again." if error.retry else "")
        )

    def _message(self, status: int, title: str, text: str) -> Page:
        return self._page("public_message.html", status=status, title=title, text=text)

    def _page(self, template: str, *, status: int = 200, **values: Any) -> Page:
        return Page(status, self._ui.render(template, language=self._language, **values).encode(), (HTML, QUIET))

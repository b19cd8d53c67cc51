"""Joining a list by its form, or as another program asks: the request, and the mail of a double opt-in with its link.

    GET /subscribe/LIST  > `form`  what the page shows; only public lists have one; changes nothing
    POST                 > `join`  the request (`marketing.consent`) > the mail, noted beside it as proof
    POST /api/v1/lists/LIST/join > `ask`, for any list of the workspace

Everybody gets the same answer, so that a form does not tell who is on a list. The mail carries nothing but the question
(no advertising before consent), in the reader's language, and leaves ahead of campaigns.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Temporary
from lettershop.mail.shared_throttle import SharedThrottle
from lettershop.mail.throttle import Limit
from lettershop.marketing.consent import ListUnknown, OptInRequest, OptIns
from lettershop.marketing.letter import Letter, Person
from lettershop.marketing.proof import Challenges
from lettershop.marketing.transactional import Transactional
from lettershop.store import subscriptions, workspaces
from lettershop.store.database import Database
from lettershop.store.opt_ins import Asked
from lettershop.store.workspaces import Brand

TOO_OFTEN, UNPROVEN = Limit(free=10), Limit(free=3)
"""Requests of one address of the internet that cost nothing; a classroom behind one address is let through. The second: where
no work was done for them (`marketing.proof`)."""
CONSENT_TEXT = {
    "en": "I want to get “{list}” from {brand} by email and can leave at any time.",
    "de": "Ich möchte „{list}“ von {brand} per E-Mail erhalten und kann mich jederzeit abmelden.",
}
SUBJECT = {"en": "Please confirm: {list}", "de": "Bitte bestätigen: {list}"}
TEXT = {
    "en": """Hello{name},

somebody, we hope you, asked to put {address} on the list “{list}” of {brand}.

Please confirm it here:

{link}

The link works for seven days. If it was not you, do nothing: you get no more of this.

{brand}
{postal}
""",
    "de": """Guten Tag{name},

jemand, hoffentlich Sie, möchte {address} in die Liste „{list}“ von {brand} eintragen.

Bitte bestätigen Sie das hier:

{link}

Der Link gilt sieben Tage. Wenn Sie es nicht waren, tun Sie nichts: Sie erhalten dann keine weitere Nachricht.

{brand}
{postal}
""",
}


class NoSender(Conflict):
    """The workspace has no brand, so nobody could be asked to confirm."""

    code = "no-brand"


class TooManyRequests(Temporary):
    """One address of the internet asks for too many people."""

    code = "too-many-requests"


@dataclass(frozen=True, slots=True)
class JoinForm:
    """What the page of a list shows. `consent`: the words that a person agrees to; `challenge`, `bits`: see `marketing.proof`."""

    list_id: int
    list_name: str
    brand: str
    consent: str
    challenge: str
    bits: int


@dataclass(frozen=True, slots=True)
class _Terms:
    workspace_id: int
    list_id: int
    name: str
    public: bool
    brand: Brand | None


class Joining:
    """One per process."""

    def __init__(
        self,
        main: Database,
        opt_ins: OptIns,
        messages: Transactional,
        clock: Clock,
        public_url: str,
        challenges: Challenges,
    ) -> None:
        self._main = main
        self._opt_ins = opt_ins
        self._messages = messages
        self._clock = clock
        self._public_url = public_url
        self._challenges = challenges
        self._throttle = SharedThrottle(main, clock, "join")

    async def form(self, list_id: int, language: str = "en") -> JoinForm | None:
        """The page of a public list; None if there is no such."""
        terms = await self._main.read(_terms, list_id)
        if terms is None or not terms.public or terms.brand is None:
            return None
        challenge = self._challenges.issue(list_id, self._clock.now(), self._clock.token(8))
        return JoinForm(
            list_id, terms.name, terms.brand.name, _consent(terms, language), challenge, self._challenges.bits
        )

    async def join(
        self, list_id: int, address: str, *, name: str = "", language: str = "en", ip: str = "", user_agent: str = "",
        proof: str = "",
    ) -> bool:  # fmt: skip
        """Somebody filled in the form; False if there is no such. Raises InvalidAddress, TooManyRequests."""
        terms = await self._main.read(_terms, list_id)
        if terms is None or not terms.public or terms.brand is None:
            return False
        limit = TOO_OFTEN if await self._proven(proof, list_id) else UNPROVEN
        if ip and await self._throttle.begin([(ip, limit)]) > 0:
            raise TooManyRequests("There were many requests from your network.", remedy="Try again in a few minutes.")
        asked = Asked(ip, user_agent, form=f"{self._public_url}/subscribe/{list_id}", text=_consent(terms, language))
        await self._ask(terms, address, name, None, asked, language)
        return True

    async def _proven(self, proof: str, list_id: int) -> bool:
        """Whether the browser did its work; a proof counts once."""
        if not self._challenges.solved(proof, list_id, self._clock.now()):
            return False
        return not self._challenges.bits or await self._throttle.once(proof)

    async def ask(
        self, workspace_id: int, list_id: int, address: str, *, name: str = "", values: Mapping[str, object] | None = None,
        asked: Asked = Asked(), language: str = "en",
    ) -> OptInRequest:  # fmt: skip
        """As another program asks. Raises ListUnknown, InvalidAddress, NotOfItsKind, NoSender, NotYourDomain."""
        terms = await self._main.read(_terms, list_id)
        if terms is None or terms.workspace_id != workspace_id:
            raise ListUnknown(f"There is no list {list_id}.")
        return await self._ask(terms, address, name, values, asked, language)

    async def _ask(
        self, terms: _Terms, address: str, name: str, values: Mapping[str, object] | None, asked: Asked, language: str
    ) -> OptInRequest:
        if terms.brand is None:
            raise NoSender("The workspace has no brand to write in the name of.", remedy="Make a brand with a sender.")
        request = await self._opt_ins.request(
            terms.workspace_id, terms.list_id, address, name=name, values=values, asked=asked
        )
        if request.key:
            link = f"{self._public_url}/confirm/{request.key}"
            sent = await self._messages.send(terms.workspace_id, _letter(terms.brand, request, name, link, language))
            await self._opt_ins.sent(request.id, sent.sent.message_id)
        return request


def _letter(brand: Brand, request: OptInRequest, name: str, link: str, language: str) -> Letter:
    chosen = language if language in TEXT else "en"
    values = {
        "name": f" {' '.join(name.split())}" if name.strip() else "", "address": request.email, "list": request.list_name,
        "brand": brand.name, "link": link, "postal": brand.postal_address,
    }  # fmt: skip
    return Letter(
        sender=Person(brand.from_address, brand.from_name), to=[Person(request.email)],
        reply_to=[Person(brand.reply_to)] if brand.reply_to else (), subject=SUBJECT[chosen].format(**values),
        text=TEXT[chosen].format(**values), tags=["double-opt-in"], headers={"Auto-Submitted": "auto-generated"},
    )  # fmt: skip


def _consent(terms: _Terms, language: str) -> str:
    words = CONSENT_TEXT.get(language, CONSENT_TEXT["en"])
    return words.format(list=terms.name, brand=terms.brand.name if terms.brand else "")


def _terms(conn: Connection, list_id: int) -> _Terms | None:
    workspace_id = subscriptions.workspace_of(conn, list_id)
    found = subscriptions.list_by_id(conn, workspace_id, list_id) if workspace_id is not None else None
    if found is None or workspace_id is None:
        return None
    brands = workspaces.brands_of(conn, workspace_id)
    return _Terms(workspace_id, list_id, found.name, found.public, brands[0] if brands else None)

"""Lists of addresses that must get no more mail, as CSV: ours, and the exports of other products. [pure]

    layout = Layout.of(header)        which column is the address, the reason, the date; None: a plain list of addresses
    entry(layout, cells, default) -> Listed, or raises Invalid

Columns are known by their names in the usual products (Mailchimp, SendGrid, Mailgun, Postmark, SparkPost, Amazon SES, Brevo,
Mailjet, Klaviyo, listmonk, …), reasons by words: "HardBounce", "550 5.1.1 no such user", "SpamComplaint", "opt-out".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lettershop.base.errors import Invalid
from lettershop.wire.address import Address, InvalidAddress
from lettershop.wire.message import dates

REASONS = ("hard-bounce", "soft-bounces", "complaint", "unsubscribed", "manual")
HEADER = ("email", "reason", "detail", "since", "campaign")
LONGEST = 300
"""Characters of a detail that are kept."""

_NAMES = {
    "email": ("email", "emailaddress", "address", "recipient", "recipientaddress", "mail", "emails", "contact", "contactemail",
              "subscriber", "subscriberemail", "to", "adresse", "emailadresse", "correo", "courriel", "recipientemail"),
    "reason": ("reason", "suppressionreason", "type", "cause", "event", "eventtype", "category", "bouncetype", "unsubreason",
               "cleanreason", "unsubscribereason", "status", "blockedreason", "statusreason", "suppressiontype", "grund"),
    "detail": ("detail", "details", "description", "error", "message", "diagnostic", "diagnosticcode", "unsubreasonother",
               "notes", "comment", "smtpresponse"),
    "since": ("since", "created", "createdat", "date", "at", "time", "timestamp", "lastupdatetime", "updated", "updatedat",
              "unsubtime", "cleantime", "bouncedat", "unsubscribedat", "addedat", "added", "blockedat", "eventdate",
              "suppressedat", "datum", "unsubscribedate", "lastchanged"),
    "code": ("code", "errorcode", "smtpcode", "statuscode"),
}  # fmt: skip
_PLAIN = re.compile(r"[^a-z]+")
_WORDS: tuple[tuple[str, str], ...] = (
    (
        "soft-bounces",
        r"soft|transient|temporar|deferr|\bblock(s|ed)?\b(?! ?list)|mailbox.?full|\b4\.\d+\.\d+\b|^4\d\d\b",
    ),
    ("complaint", r"complain|spam|abuse|junk|\bfbl\b|feedback"),
    ("unsubscribed", r"unsub|opt.?(ed)?.?out|optout|abgemeldet|désabonn|desinscri|baja|list.?unsubscribe|one.?click"),
    (
        "hard-bounce",
        r"bounc|hard|clean|invalid|undeliver|unknown|not exist|no such|\b5\.\d+\.\d+\b|^5\d\d\b|permanent|bad.?address",
    ),
    ("manual", r"manual|admin|import|block ?list|black ?list|do.?not"),
)
_COMPILED = tuple((reason, re.compile(pattern, re.IGNORECASE)) for reason, pattern in _WORDS)
_FORMS = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d",
          "%m/%d/%y %I:%M%p", "%m/%d/%y %H:%M", "%b %d, %Y %I:%M %p", "%b %d, %Y", "%B %d, %Y")  # fmt: skip


class NotRead(Invalid):
    """The row names no address."""

    code = "suppression-row"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row. `since` None: the file does not say."""

    email_key: str
    reason: str
    detail: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns are; -1: not there."""

    email: int = 0
    reason: int = -1
    detail: int = -1
    since: int = -1
    code: int = -1

    @classmethod
    def of(cls, header: Sequence[str]) -> "Layout | None":
        """By the names of the columns; None if this is no header but an address already. Raises NotRead."""
        if any(_is_address(cell) for cell in header):
            return None
        names = [_PLAIN.sub("", cell.lower()) for cell in header]
        found = {what: _first(names, known) for what, known in _NAMES.items()}
        if found["email"] < 0:
            raise NotRead("The file has no column with addresses.", remedy="Name one column of its first line “email”.")
        return cls(**found)


def _first(names: Sequence[str], known: Sequence[str]) -> int:
    """The column with the best of the known names."""
    return next((names.index(name) for name in known if name in names), -1)


def _is_address(cell: str) -> bool:
    try:
        Address.parse(_bare(cell))
    except InvalidAddress:
        return False
    return True


def _bare(cell: str) -> str:
    cell = cell.strip().strip("\ufeff'\"")
    return cell[cell.rindex("<") + 1 : -1] if cell.endswith(">") and "<" in cell else cell


def entry(layout: Layout | None, cells: Sequence[str], default: str) -> Listed:
    """The row as it goes into the ledger; `default` where it gives no reason. Raises NotRead."""
    if layout is None:
        place = next((index for index, cell in enumerate(cells) if _is_address(cell)), 0)
        layout = Layout(email=place)
    try:
        address = Address.parse(_bare(_cell(cells, layout.email)))
    except InvalidAddress as error:
        raise NotRead(f"“{_cell(cells, layout.email)[:80]}” is no address: {error.public}") from None
    reason, detail, code = (_cell(cells, index) for index in (layout.reason, layout.detail, layout.code))
    told = " ".join(text for text in (code, reason, detail) if text)
    known = reason if reason in REASONS else reason_of(reason) or reason_of(f"{code} {detail}".strip())
    return Listed(address.key, known or default, (detail or told if known != told else "")[:LONGEST],
                  moment(_cell(cells, layout.since)))  # fmt: skip


def _cell(cells: Sequence[str], index: int) -> str:
    return cells[index].strip() if 0 <= index < len(cells) else ""


def reason_of(words: str) -> str:
    """Our name for a reason in another product's words; empty if they tell nothing."""
    return next((reason for reason, pattern in _COMPILED if words and pattern.search(words)), "")


def moment(text: str) -> float | None:
    """A date in one of the usual forms, without a zone taken for UTC; None if it is none."""
    if not text:
        return None
    if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{12,13}", text):
        return float(text) / (1000.0 if len(text.partition(".")[0]) > 11 else 1.0)
    try:
        return _utc(datetime.fromisoformat(text.replace(" UTC", "+00:00").replace(" +", "+")))
    except ValueError:
        pass
    for form in _FORMS:
        try:
            return _utc(datetime.strptime(text, form))
        except ValueError:
            continue
    return dates.parse(text)


def _utc(moment_: datetime) -> float:
    return (moment_ if moment_.tzinfo else moment_.replace(tzinfo=UTC)).timestamp()


def written(email_key: str, reason: str, detail: str, since: float, campaign_id: int | None) -> tuple[str, ...]:
    """A row of an export, which `entry` reads back."""
    when = datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
    return email_key, reason, _inert(detail), when, "" if campaign_id is None else str(campaign_id)


def _inert(text: str) -> str:
    """What a spreadsheet would take for a formula is shown as text: details quote strangers."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text

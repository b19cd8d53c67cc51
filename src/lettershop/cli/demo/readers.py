"""The readers of the demo: people, machines and a provider, from outside, over the real protocols.

Each reader has a mailbox and logs in over IMAP with Python's own `imaplib`; pixels and links are asked for with
`http.client`; replies go through submission with STARTTLS and a log-in; complaints are ARF reports mailed in by "their
provider". What a reader does is fixed by the address alone, so runs can be compared. The readers know nothing of the
database: what they did is counted here, and the demo compares it with what the server recorded.
"""

import email
import imaplib
import re
import smtplib
import ssl
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from http.client import HTTPConnection
from urllib.parse import urlsplit

from lettershop.base.clock import Clock

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IMAGE_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNER = "Mozilla/5.0 (compatible; MailGateway-LinkScanner/2.1; +https://gateway.example/bot)"
AT_ONCE = 12
READING = 3.5  # seconds between two links that a person follows
LOOK_AGAIN = 1.0
"""Seconds until a reader whose message is not there yet looks again."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens on loopback."""

    smtp: int
    submission: int
    imap: int
    http: int


@dataclass(frozen=True, slots=True)
class Habits:
    """What one reader does with the newsletter."""

    machine: bool
    opens: bool
    clicks: int
    unsubscribes: bool
    complains: bool
    replies: bool

    @classmethod
    def of(cls, address: str) -> "Habits":
        """Fixed by the address. Shares in a thousand: 80 behind a scanner, 460 open, a third of those click."""
        lot = zlib.crc32(address.encode()) % 1000
        opens = lot < 460
        return cls(
            machine=lot >= 920,
            opens=opens,
            clicks=1 + lot // 3 % 3 if opens and lot % 3 == 0 else 0,
            unsubscribes=440 <= lot < 444,
            complains=500 <= lot < 503,
            replies=100 <= lot < 120,
        )


@dataclass(slots=True)
class Seen:
    """What the readers found and did, counted by themselves; sets of addresses, so people and not hits."""

    found: set[str] = field(default_factory=set)
    passed: Counter[str] = field(default_factory=Counter)
    did: dict[str, set[str]] = field(
        default_factory=lambda: {
            what: set() for what in ("opened", "opened_by_machine", "clicked", "unsubscribed", "complained", "replied")
        }
    )
    link_people: Counter[int] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, address: str) -> None:
        """One more person did something."""
        with self._lock:
            self.did[what].add(address)

    def note_found(self, address: str, results: str) -> None:
        """A message was found; `results` is its Authentication-Results."""
        with self._lock:
            self.found.add(address)
            for method in ("dkim", "spf", "dmarc"):
                self.passed[method] += bool(re.search(rf"\b{method}=pass\b", results))

    def note_link(self, number: int) -> None:
        """A person followed the link of this number."""
        with self._lock:
            self.link_people[number] += 1

    def note_trouble(self, words: str) -> None:
        """Something that should not happen did."""
        with self._lock:
            self.troubles.append(words)


class Readers:
    """All readers; `work` returns when each has found its message or `give_up` says that there is none to come."""

    def __init__(
        self, ports: Ports, passwords: dict[str, str], *, sender: str, complaints_to: str, clock: Clock
    ) -> None:
        self._ports = ports
        self._passwords = passwords
        self._sender = sender
        self._complaints_to = complaints_to
        self._clock = clock
        self._until = clock.monotonic()
        self.seen = Seen()
        self._further: list[tuple[int, str, str]] = []  # (how many links before, who, link)

    def work(self, addresses: Sequence[str], give_up: Callable[[], bool], progress: Callable[[int], None]) -> Seen:
        """Everybody looks into the mailbox, in turn, several at once; `progress` gets the number of messages found."""
        waiting = list(addresses)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="reader") as pool:
            while waiting:
                last_round = give_up()
                started = self._clock.monotonic()
                found = dict(zip(waiting, pool.map(self._turn, waiting), strict=True))
                waiting = [address for address in waiting if not found[address]]
                progress(len(self.seen.found))
                if last_round:
                    break
                threading.Event().wait(max(0.0, LOOK_AGAIN - (self._clock.monotonic() - started)))
            self._read_on(pool)
        return self.seen

    def _turn(self, address: str) -> bool:
        try:
            message = self._fetch(address)
            if message is None:
                return False
            self.seen.note_found(address, " ".join(message.get_all("Authentication-Results", [])))
            self._act(address, message, Habits.of(address))
        except (OSError, imaplib.IMAP4.error, smtplib.SMTPException, AssertionError) as error:
            self.seen.note_trouble(f"{address}: {error!r}")
        return True

    def _fetch(self, address: str) -> Message | None:
        client = imaplib.IMAP4("127.0.0.1", self._ports.imap, timeout=30)
        try:
            client.login(address, self._passwords[address])
            client.select("INBOX")
            numbers = client.uid("SEARCH", "FROM", self._sender)[1][0].split()
            if not numbers:
                return None
            reads = Habits.of(address).opens
            parts = client.uid("FETCH", numbers[0].decode(), "(BODY[])" if reads else "(BODY.PEEK[])")[1]
            raw = next(part[1] for part in parts if isinstance(part, tuple))
            return email.message_from_bytes(raw)
        finally:
            client.logout()

    def _act(self, address: str, message: Message, habits: Habits) -> None:
        html = _part(message, "text/html")
        pixel = re.search(r'src="([^"]*/o/[^"]+)"', html)
        links = list(dict.fromkeys(re.findall(r'href="([^"]*/c/[^"]+)"', html)))
        if habits.machine:
            self._prefetch(address, pixel[1] if pixel else "", links)
        if habits.opens and pixel:
            self._get(pixel[1], BROWSER, want=200)
            self.seen.note("opened", address)
        for number, link in enumerate(_favourites(links, address)[: habits.clicks]):
            if number:
                self._further.append((number, address, link))
            else:
                self._click(address, link)
        if habits.unsubscribes:
            self._unsubscribe(address, message)
        if habits.complains:
            self._complain(address, message)
        if habits.replies:
            self._reply(address, message)

    def _click(self, address: str, link: str) -> None:
        target = self._get(link, BROWSER, want=302)
        assert target.startswith("https://shop.brand.example/"), f"the link leads to {target}"
        self.seen.note("clicked", address)
        self.seen.note_link(int(link.rpartition("/")[2]))

    def _read_on(self, pool: ThreadPoolExecutor) -> None:
        """Further links, one after the other, as people follow them: never several at once."""
        for number in sorted({number for number, _, _ in self._further}):
            threading.Event().wait(READING)
            list(pool.map(self._follow, [(who, link) for turn, who, link in self._further if turn == number]))

    def _follow(self, further: tuple[str, str]) -> None:
        try:
            self._click(*further)
        except (OSError, AssertionError) as error:
            self.seen.note_trouble(f"{further[0]}: {error!r}")

    def _prefetch(self, address: str, pixel: str, links: Sequence[str]) -> None:
        """What a gateway does: the image and every link at once, by HEAD first, with no person in sight."""
        if pixel:
            self._get(pixel, IMAGE_PROXY if zlib.crc32(address.encode()) % 2 else SCANNER, want=200)
            self.seen.note("opened_by_machine", address)
        for link in links:
            self._get(link, SCANNER, want=302, method="HEAD")

    def _get(
        self, url: str, agent: str, *, want: int, method: str = "GET", body: bytes | None = None, kind: str = ""
    ) -> str:
        """One HTTP request as this agent makes it; the Location, if there is one."""
        parts = urlsplit(url)
        headers = {"User-Agent": agent, "Accept": "*/*"}
        if agent == BROWSER:
            headers |= {"Accept-Language": "en-GB,en;q=0.7", "Accept-Encoding": "gzip", "Sec-Fetch-Mode": "navigate"}
        if kind:
            headers["Content-Type"] = kind
        connection = HTTPConnection("127.0.0.1", self._ports.http, timeout=30)
        try:
            connection.request(method, parts.path, body=body, headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == want, f"{method} {parts.path[:20]}… answered {response.status}, not {want}"
            return response.getheader("Location") or ""
        finally:
            connection.close()

    def _unsubscribe(self, address: str, message: Message) -> None:
        """RFC 8058 3.2: POST the one field to the HTTPS URI of List-Unsubscribe."""
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        uri = re.search(r"<(https?://[^>]+)>", message["List-Unsubscribe"])
        assert uri, "List-Unsubscribe has no web address"
        self._get(
            uri[1], "One-Click-Agent/1.0", want=200, method="POST",
            body=b"List-Unsubscribe=One-Click", kind="application/x-www-form-urlencoded",
        )  # fmt: skip
        self.seen.note("unsubscribed", address)

    def _complain(self, address: str, message: Message) -> None:
        """The provider's feedback report (RFC 5965), mailed to the sender's complaint address."""
        domain = address.rpartition("@")[2]
        report = MIMEMultipart("report", report_type="feedback-report")
        report["From"], report["To"] = f"complaints@{domain}", self._complaints_to
        report["Subject"] = f"FW: {message['Subject']}"
        report.attach(MIMEText(f"This is a spam report about a message to {address}."))
        machine = Message()
        machine["Content-Type"] = "message/feedback-report"
        machine.set_payload(
            "Feedback-Type: abuse\r\nUser-Agent: DemoProvider/1.0\r\nVersion: 1\r\n"
            f"Original-Rcpt-To: {address}\r\nReported-Domain: {self._sender.rpartition('@')[2]}\r\n"
        )
        report.attach(machine)
        report.attach(MIMEMessage(message))
        with smtplib.SMTP("127.0.0.1", self._ports.smtp, local_hostname=f"mx.{domain}", timeout=30) as client:
            client.sendmail(f"complaints@{domain}", [self._complaints_to], report.as_bytes())
        self.seen.note("complained", address)

    def _reply(self, address: str, message: Message) -> None:
        """A person writes back, with a mail program: submission, STARTTLS, log-in."""
        reply = EmailMessage()
        reply["From"], reply["To"] = address, message["Reply-To"] or message["From"]
        reply["Subject"], reply["In-Reply-To"] = f"Re: {message['Subject']}", message["Message-ID"]
        reply["References"] = message["Message-ID"]
        reply.set_content("Hello,\n\ndo you ship to the islands, too?\n\nKind regards\n")
        with smtplib.SMTP("127.0.0.1", self._ports.submission, local_hostname="laptop.example", timeout=30) as client:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the demo's self-made certificate
            client.starttls(context=context)
            client.login(address, self._passwords[address])
            client.send_message(reply)
        self.seen.note("replied", address)


def _favourites(links: list[str], address: str) -> list[str]:
    """The links in the order in which this person likes them: the first ones are the most liked by all."""
    taste = zlib.crc32(address[::-1].encode()) % len(links) if links else 0
    start = taste * taste // max(1, len(links))
    return links[start:] + links[:start]


def _part(message: Message, kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == kind:
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8") if isinstance(payload, bytes) else ""
    return ""

"""The table of rules by which answers of receivers are understood. [pure]

Data only; `egress.classify` reads it. In order; the first that matches counts: words of one provider stand above
general words. Every rule carries a sample answer that fires it, and a test runs them all. Sources: the published answers
of the providers, Postfix, Exim, qmail and Exchange, and the classes of KumoMTA's bounce tables (Apache-2.0).
"""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "unknown-user", "inactive-user", "bad-domain", "mailbox-full", "greylisted", "rate", "too-many-connections",
    "too-many-recipients", "reputation", "content", "virus", "authentication", "dns", "tls", "too-large", "relay-denied",
    "sender", "loop", "policy", "protocol", "busy", "network", "expired", "undetermined",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` (case does not matter) in "code enhanced text" means `reason`; `sample` is an answer that fires it."""

    reason: Reason
    pattern: str
    sample: str


# Words that tell the reason, whatever the codes say. Who we are comes before the address: such answers quote addresses.
RULES: tuple[Rule, ...] = (
    Rule(
        "greylisted",
        "gr[ae]y-?list",
        "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see the help page",
    ),
    Rule(
        "greylisted",
        "come back (later|in)|first time sender",
        "451 4.7.1 Please come back later, first time sender",
    ),
    Rule(
        "too-many-connections",
        "too many (concurrent |simultaneous )?(smtp )?(connections|sessions)|(maximum|"
        "max) (number of )?connections|connection limit",
        "421 4.7.0 mx.example Error: too many connections from 192.0.2.1",
    ),
    Rule(
        "too-many-connections",
        r"\bIB007\b|S3115",
        "451 4.7.652 Too busy for you (S3115)",
    ),
    Rule(
        "too-many-recipients",
        "too many recipients",
        "452 4.5.3 Error: too many recipients",
    ),
    Rule(
        "mailbox-full",
        "over ?quota|quota (is )?exceeded|exceeded.{0,20}quota|mailbox (is |size limit )?(full|exceeded)|"
        "insufficient (user|mailbox) (quota|storage)",
        "452 4.2.2 The email account that you tried to reach is over quota.",
    ),
    Rule(
        "mailbox-full",
        "out of storage space|mailbox.{0,20}storage",
        "452 4.2.2 The recipient's inbox is out of storage space.",
    ),
    Rule(
        "authentication",
        r"\b5\.7\.(2[0-4]|26|27|30|515)\b|unauthenticated|does not (meet|pass) .{0,40}authentication",
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
    ),
    Rule(
        "authentication",
        r"\bDMARC\b|\bDKIM\b|\bSPF\b(?!.{0,20}sample)",
        "550 5.7.1 Email rejected per DMARC policy for brand.example",
    ),
    Rule(
        "dns",
        r"\bPTR\b|reverse (dns|host|lookup)|rDNS|5\.7\.25\b",
        "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
    ),
    Rule(
        "dns",
        "sender.{0,40}domain.{0,20}(not found|does not (exist|resolve))|helo.{0,30}(host|domain) not found",
        "450 4.1.8 <a@brand.example>: Sender address rejected: Domain not found",
    ),
    Rule(
        "tls",
        "STARTTLS|must use tls|not.{0,20}(sent )?over TLS|TLS (is )?required|encryption required",
        "530 5.7.0 Must issue a STARTTLS command first",
    ),
    Rule(
        "reputation",
        r"S3140|S3150|block ?list \(S\d+\)|part of their network is on our block",
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Part of their network is on our "
        "block list (S3150).",
    ),
    Rule(
        "reputation",
        r"\[?TSS?0[1-9]\]?|IPTS0\d|\[BL\d+\]",
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
    ),
    Rule(
        "reputation",
        r"spamhaus|spamcop|barracuda ?central|sorbs|uceprotect|abuseat|\b(dns|rb|bl)list|\bRBL\b|\bDNSBL\b",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    ),
    Rule(
        "reputation",
        "(ip|host|address|network|server|domain).{0,40}(is |was |been |on )(black|block|deny)-?list|(poor|"
        "bad|low) (ip |domain |sender )?reputation|reputation of",
        "550 5.7.1 Mail rejected: your IP has a poor reputation",
    ),
    Rule(
        "rate",
        r"unusual rate|unsolicited mail originating.{0,60}rate|\brate[ -]?limit|rate that prevents|"
        r"receiving mail (at a rate|too quickly)|too (many|much) (messages|mails?|emails|volume)|throttl|"
        r"(hourly|daily|sending) (sending )?(limit|quota)|ReceivingRate|deferred due to (excessive|"
        r"unexpected)|S843",
        "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages",
    ),
    Rule(
        "loop",
        "too many hops|hop count|mail loop|loops? back",
        "554 5.4.6 Too many hops, mail loop",
    ),
    Rule(
        "too-large",
        "(message|mail|size).{0,30}(too (large|big)|exceeds)|size limit|exceed.{0,30}size",
        "552 5.3.4 Message size exceeds fixed limit",
    ),
    Rule(
        "virus",
        r"\bvirus\b|malware|infected|potential security issue|(prohibited|banned|blocked) (attachment|file)",
        "552 5.7.0 This message was blocked because its content presents a potential security issue.",
    ),
    Rule(
        "content",
        r"likely (unsolicited|spam)|(looks|identified|classified|detected|flagged|rejected|"
        r"considered).{0,30}\bspam\b|\bspam(my)? (message|content|score)|spam (detected|rejected)|"
        r"unsolicited|content (rejected|not accepted)|\[?HM0?8\]?|suspicious",
        "550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
    ),
    Rule(
        "relay-denied",
        "relay(ing)? (access )?(is )?(denied|not (permitted|allowed))|unable to relay|not (permitted|"
        "allowed) to relay|we do not relay",
        "554 5.7.1 <a@b.example>: Relay access denied",
    ),
    Rule(
        "sender",
        "sender (address )?(rejected|denied|refused|verify failed)|(invalid|bad) sender|"
        "mail from.{0,20}(denied|rejected)",
        "550 5.1.8 <a@brand.example>: Sender address rejected",
    ),
    Rule(
        "busy",
        "(account|mailbox|user|address).{0,50}temporar(il)?y (locked|disabled|suspended|inactive|closed)",
        "550 5.7.1 <a@b.example>: Recipient address rejected: User a@b.example temporary locked. Please try again later!",
    ),
    Rule(
        "inactive-user",
        "(account|mailbox|user|address).{0,50}(is |has been |was )?(currently )?(disabled|inactive|"
        "suspended|deactivated|closed|discontinued|locked)|no longer (on server|valid|active|in use|"
        "available)|DisabledUser",
        "550 5.2.1 The email account that you tried to reach is disabled.",
    ),
    Rule(
        "unknown-user",
        r"AS\(201806281\)|\[\S+@\S+\]: Recipient address rejected: Access denied",
        "550 5.4.1 [a@b.example]: Recipient address rejected: Access denied. AS(201806281)",
    ),
    Rule(
        "unknown-user",
        r"(user|recipient|mailbox|account|address|alias)( \S+)?( is)? (unknown|not (found|known|exist)|"
        r"invalid|does(n't| not) exist)|(unknown|no such|invalid|non-?existent|unrouteable|"
        r"undeliverable) (local )?(user|recipient|mailbox|account|address|person|alias|here)",
        "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table",
    ),
    Rule(
        "unknown-user",
        "(account|user|address|mailbox|recipient).{0,50}(does not|doesn't) (exist|have)",
        "550 5.1.1 The email account that you tried to reach does not exist.",
    ),
    Rule(
        "unknown-user",
        "no (mailbox|user|account)s? (here )?(by|with|of) that name|not (our|a) (customer|valid (user|"
        "mailbox|recipient))|RecipientNotFound|recipient not found|not listed in|verification failed for|"
        "not a known user",
        "550 sorry, no mailbox here by that name. (#5.1.1)",
    ),
    Rule(
        "unknown-user",
        "^55[0-3] .{0,60}mailbox (unavailable|not available)",
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
    ),
    Rule(
        "bad-domain",
        r"(null|no) mx\b|does not accept (e-?)?mail|host(name)? (or domain name )?not found|no such domain|"
        r"domain (name )?(not found|does not exist|unknown)|NXDOMAIN",
        "556 5.1.10 The domain does not accept mail (null MX).",
    ),
)

# Words that count only where the enhanced status code tells nothing.
VAGUE: tuple[Rule, ...] = (
    Rule(
        "network",
        "connection (refused|timed out|reset|lost|closed)|(could|can) ?not connect|no route|timed out|"
        "unreachable|closed the connection",
        "451 4.4.1 Connection refused",
    ),
    Rule(
        "busy",
        "(server|system|service|resources?).{0,30}(busy|overload|unavailable|not available|down)|"
        "insufficient (system )?(storage|resources)|out of (memory|resources)|(temporary|"
        "local) (local )?(problem|error|failure)|try (again )?later|system (load|not accepting)",
        "451 4.3.0 Temporary local problem, please try later",
    ),
    Rule(
        "policy",
        "policy|access denied|not (authorized|authorised|permitted|allowed|accepted)|prohibited|"
        "administrative|refused|rejected",
        "550 5.7.1 Message rejected due to local policy",
    ),
)

# RFC 3463 3 and the IANA registry of enhanced status codes: subject and detail, the class being told by the reply.
ENHANCED: dict[str, Reason] = {
    "1.1": "unknown-user", "1.2": "bad-domain", "1.3": "unknown-user", "1.4": "unknown-user", "1.6": "inactive-user",
    "1.7": "sender", "1.8": "sender", "1.10": "bad-domain", "2.1": "inactive-user", "2.2": "mailbox-full",
    "2.3": "too-large", "2.4": "unknown-user", "3.1": "busy", "3.2": "busy", "3.4": "too-large", "4.1": "network",
    "4.2": "network", "4.3": "dns", "4.4": "bad-domain", "4.5": "busy", "4.6": "loop", "4.7": "expired",
    "5.0": "protocol", "5.1": "protocol", "5.2": "protocol", "5.3": "too-many-recipients", "5.4": "protocol",
    "5.5": "protocol", "6.0": "content", "6.1": "content", "6.2": "content", "6.3": "content", "6.6": "content",
    "7.0": "policy", "7.1": "policy", "7.2": "policy", "7.8": "relay-denied", "7.10": "tls", "7.11": "tls",
    "7.13": "inactive-user", "7.17": "unknown-user", "7.18": "bad-domain", "7.20": "authentication",
    "7.21": "authentication", "7.22": "authentication", "7.23": "authentication", "7.24": "authentication",
    "7.25": "dns", "7.26": "authentication", "7.27": "sender", "7.28": "rate", "7.30": "tls",
}  # fmt: skip

# RFC 5321 4.2.3
CODES: dict[int, Reason] = {
    421: "busy", 450: "busy", 451: "busy", 452: "busy", 454: "tls", 500: "protocol", 501: "protocol",
    502: "protocol", 503: "protocol", 504: "protocol", 521: "bad-domain", 530: "relay-denied", 535: "relay-denied",
    550: "policy", 551: "unknown-user", 552: "mailbox-full", 553: "policy", 554: "policy", 555: "protocol",
    556: "bad-domain",
}  # fmt: skip

"""Commands in any state, and the log-in."""

from lettershop.base.errors import LettershopError, Temporary
from lettershop.servers.imap.context import Context, Done
from lettershop.wire.imap.values import Command, Login, Words
from lettershop.wire.sasl import MECHANISMS, Credentials

ALWAYS = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE"
AFTER_LOGIN = (
    "NAMESPACE CHILDREN UIDPLUS UNSELECT MOVE MULTIAPPEND SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS"
    " STATUS=SIZE ESEARCH SEARCHRES WITHIN CONDSTORE BINARY"
)
MAX_FAILURES = 5

IN_THE_CLEAR = Done("Log in after STARTTLS, please.", "PRIVACYREQUIRED", "NO")
FAILED = Done("The user name or the password is wrong.", "AUTHENTICATIONFAILED", "NO")


def capabilities(context: Context) -> str:
    """What is announced now."""
    words = [ALWAYS]
    if context.principal is not None:
        return f"{ALWAYS} {AFTER_LOGIN} APPENDLIMIT={context.settings.append_limit}"
    if context.link.tls_available:
        words.append("STARTTLS")
    if context.clear:
        words.append("LOGINDISABLED")  # RFC 9051 6.2.3
    else:
        words += [f"AUTH={mechanism}" for mechanism in MECHANISMS]
    return " ".join(words)


async def capability(context: Context, command: Command) -> Done:
    """CAPABILITY."""
    context.untagged(f"CAPABILITY {capabilities(context)}")
    return Done("Those are they.")


async def noop(context: Context, command: Command) -> Done:
    """NOOP and CHECK: the table tells the news."""
    return Done("Done.")


async def logout(context: Context, command: Command) -> Done:
    """LOGOUT."""
    context.untagged("BYE Good-bye.")
    return Done("Logged out.")


async def identify(context: Context, command: Command) -> Done:
    """ID (RFC 2971): who we are; no version, which helps only those who look for old ones."""
    context.untagged('ID ("name" "Lettershop")')
    return Done("Pleased to meet you.")


async def enable(context: Context, command: Command) -> Done:
    """ENABLE (RFC 9051 6.3.1): unknown words mean nothing."""
    assert isinstance(command.arguments, Words)
    words = command.arguments.words
    enabled = []
    if "IMAP4REV2" in words:
        context.rev2 = True
        enabled.append("IMAP4rev2")
    if "CONDSTORE" in words:
        context.condstore = True
        enabled.append("CONDSTORE")
    context.untagged(" ".join(["ENABLED", *enabled]))
    return Done("Enabled.")


async def login(context: Context, command: Command) -> Done:
    """LOGIN user password."""
    assert isinstance(command.arguments, Login)
    if context.clear:
        return IN_THE_CLEAR
    return await log_in(context, Credentials(command.arguments.user, command.arguments.password))


async def log_in(context: Context, credentials: Credentials) -> Done:
    """Ask who it is; after too many failures the conversation ends."""
    try:
        principal = await context.services.login.login(credentials, context.link.peer.ip)
    except LettershopError as error:
        return Done(error.public, "UNAVAILABLE" if isinstance(error, Temporary) else "AUTHORIZATIONFAILED", "NO")
    if principal is None:
        context.failures += 1
        return FAILED
    context.principal = principal
    context.machine.append_limit = context.settings.append_limit
    return Done("Logged in.", f"CAPABILITY {capabilities(context)}")

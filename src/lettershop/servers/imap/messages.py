"""Commands in an open mailbox."""

from collections.abc import Sequence
from dataclasses import replace

from lettershop.base.errors import ProtocolError
from lettershop.mail.mailbox.content import pages
from lettershop.mail.mailbox.flags import FlagChange
from lettershop.mail.mailbox.search import search
from lettershop.servers.imap.context import Context, Done
from lettershop.store.messages import Copied
from lettershop.wire.imap import format as form
from lettershop.wire.imap import values
from lettershop.wire.imap.fetch import answers, set_seen
from lettershop.wire.imap.values import Attribute, Command, FetchItem, SequenceSet

GONE = Done("Some of the messages are there no more.", "EXPUNGEISSUED", "NO")  # RFC 5530 3


class NoSuchMessage(ProtocolError):
    """A message number that is not in use."""

    code = "no-such-message"


def positions(context: Context, numbers: SequenceSet) -> list[int]:
    """Where the messages of a set stand in the view. UIDs that are not there mean nothing, message numbers are an error."""
    uids = context.open.view.uids
    if numbers.saved:
        saved = set(context.open.saved)
        return [at for at, uid in enumerate(uids) if uid in saved]
    if context.uid:
        return numbers.positions(uids)
    if uids and any(edge > len(uids) for pair in numbers.ranges for edge in pair):
        raise NoSuchMessage("There is no message of that number.")  # RFC 9051 6.4.5: a client's mistake
    return numbers.positions(range(1, len(uids) + 1))


async def fetch(context: Context, command: Command) -> Done:
    """FETCH and UID FETCH."""
    request = command.arguments
    assert isinstance(request, values.Fetch)
    selected, items = context.open, _items(context, request)
    wanted = positions(context, request.set)
    if request.changed_since is not None:
        modseqs = selected.index.modseqs
        places = zip(wanted, selected.view.places(wanted), strict=True)
        wanted = [at for at, place in places if place is not None and modseqs[place] > request.changed_since]
    if not wanted:
        return Done("Fetched.")
    own = await selected.mark_seen(wanted) if set_seen(items) else 0
    if own and Attribute("FLAGS") not in items:
        items = (*items, Attribute("FLAGS"))  # RFC 9051 6.4.5: changed flags are told
    told = 0
    async for page in pages(selected, wanted, items):
        told += len(page.uids)
        context.say(answers(items, page))
        await context.flush()
    return replace(Done("Fetched.") if told == len(wanted) or context.uid else GONE, own=own)


def _items(context: Context, request: values.Fetch) -> tuple[FetchItem, ...]:
    """The items with those that go without saying: UID in UID FETCH, MODSEQ where changes are asked for."""
    items = tuple(dict.fromkeys(request.items))
    modseq = Attribute("MODSEQ")
    if request.changed_since is not None and modseq not in items:
        items = (*items, modseq)  # RFC 7162 3.1.4.1
    if modseq in items:
        enable_condstore(context)
    if context.uid and Attribute("UID") not in items:
        items = (Attribute("UID"), *items)
    return items


def enable_condstore(context: Context) -> None:
    """RFC 7162 3.1: the client has shown that it knows modseqs; from now on it is told them."""
    if not context.condstore:
        context.condstore = True
        context.untagged(f"OK [HIGHESTMODSEQ {context.open.index.modseq}] The last change.")


async def store(context: Context, command: Command) -> Done:
    """STORE and UID STORE."""
    request = command.arguments
    assert isinstance(request, values.Store)
    selected = context.open
    if request.unchanged_since is not None:
        enable_condstore(context)
    wanted = positions(context, request.set)
    if not wanted:
        return Done("Stored.")
    uids = [selected.view.uids[at] for at in wanted]
    changed = await selected.store(wanted, flag_change(request), unchanged_since=request.unchanged_since)
    refused = set(changed.refused)
    if not request.silent:
        context.tell_flags([uid for uid in uids if uid not in refused])
    elif context.condstore:
        await _tell_modseqs(context, [uid for uid in uids if uid not in refused], changed.modseq)
    if refused:
        names = changed.refused if context.uid else [selected.view.number(uid) for uid in changed.refused]
        modified = f"MODIFIED {form.number_set(names).decode()}"
        return Done("Some were changed by somebody else.", modified, own=changed.modseq)
    gone = not context.uid and any(place is None for place in selected.view.places(wanted))
    return replace(GONE if gone else Done("Stored."), own=changed.modseq)


async def _tell_modseqs(context: Context, uids: Sequence[int], modseq: int) -> None:
    """RFC 7162 3.1.3: with CONDSTORE even a silent STORE tells the new modseq."""
    index = context.open.index
    items = (Attribute("UID"), Attribute("MODSEQ")) if context.uid or context.rev2 else (Attribute("MODSEQ"),)
    changed = [uid for uid in uids if (place := index.find(uid)) is not None and index.modseqs[place] == modseq]
    async for page in pages(context.open, [context.open.view.number(uid) - 1 for uid in changed], items):
        context.say(answers(items, page))


def flag_change(request: values.Store) -> FlagChange:
    """STORE's arguments as the service wants them."""
    flags = request.flags
    if request.action == "remove":
        return FlagChange(remove=flags.bits, remove_words=flags.words)
    return FlagChange(add=flags.bits, add_words=flags.words, replace=request.action == "set")


async def copy(context: Context, command: Command) -> Done:
    """COPY and UID COPY."""
    assert isinstance(command.arguments, values.Copy)
    wanted = positions(context, command.arguments.set)
    if not wanted:
        await context.services.mailboxes.find(context.account_id, context.name(command.arguments.name))
        return Done("Nothing to copy.")
    copied = await context.open.copy(wanted, context.name(command.arguments.name))
    if len(copied.pairs) < len(wanted) and not context.uid:
        return GONE
    return Done("Copied.", copyuid(copied))


async def move(context: Context, command: Command) -> Done:
    """MOVE and UID MOVE (RFC 6851): COPYUID comes before the EXPUNGEs."""
    assert isinstance(command.arguments, values.Copy)
    wanted = positions(context, command.arguments.set)
    if not wanted:
        await context.services.mailboxes.find(context.account_id, context.name(command.arguments.name))
        return Done("Nothing to move.")
    copied = await context.open.move(wanted, context.name(command.arguments.name))
    if copied.pairs:
        context.untagged(f"OK [{copyuid(copied)}] Moved.")
    return Done("Moved.")


def copyuid(copied: Copied) -> str:
    """COPYUID (RFC 4315 3); "" if nothing was copied."""
    if not copied.pairs:
        return ""
    old = form.number_set([pair[0] for pair in copied.pairs])
    new = form.number_set([pair[1] for pair in copied.pairs])
    return f"COPYUID {copied.uid_validity} {old.decode()} {new.decode()}"


async def expunge(context: Context, command: Command) -> Done:
    """EXPUNGE and UID EXPUNGE."""
    assert isinstance(command.arguments, values.Expunge | values.Nothing)
    if isinstance(command.arguments, values.Nothing):
        await context.open.expunge()
    elif command.arguments.set is not None:
        await context.open.expunge(positions(context, command.arguments.set))
    return Done("Expunged.")


async def find(context: Context, command: Command) -> Done:
    """SEARCH and UID SEARCH."""
    request = command.arguments
    assert isinstance(request, values.Search)
    selected = context.open
    if request.uses_modseq:
        enable_condstore(context)
    returns = request.returns
    if returns is not None and "SAVE" in returns:
        selected.saved = []  # RFC 5182 2.1: a failed search leaves it empty
    found = await search(selected, request.key)
    numbers = [selected.view.uids[at] for at in found] if context.uid else [at + 1 for at in found]
    if returns is None and not context.rev2:
        modseq = f" (MODSEQ {_highest(context, found)})" if request.uses_modseq and found else ""
        context.untagged("".join(["SEARCH", *(f" {number}" for number in numbers), modseq]))
        return Done("Searched.")
    returns = returns or frozenset(("ALL",))
    if "SAVE" in returns:
        selected.saved = [selected.view.uids[at] for at in _saved(returns, found)]
    if returns != {"SAVE"}:
        modseq = f" MODSEQ {_highest(context, _saved(returns, found))}" if request.uses_modseq and found else ""
        context.untagged(f'ESEARCH (TAG "{context.tag}"){_esearch(context, returns, numbers)}{modseq}')
    return Done("Searched.")


def _esearch(context: Context, returns: frozenset[str], numbers: Sequence[int]) -> str:
    """RFC 9051 7.3.4: MIN, MAX and ALL only if something was found."""
    parts = [" UID" if context.uid else ""]
    if numbers:
        parts.append(f" MIN {numbers[0]}" if "MIN" in returns else "")
        parts.append(f" MAX {numbers[-1]}" if "MAX" in returns else "")
        parts.append(f" ALL {form.number_set(numbers).decode()}" if "ALL" in returns else "")
    parts.append(f" COUNT {len(numbers)}" if "COUNT" in returns else "")
    return "".join(parts)


def _saved(returns: frozenset[str], found: Sequence[int]) -> Sequence[int]:
    """RFC 5182 2.4 and RFC 7162 3.1.10: MIN and MAX without ALL or COUNT mean only those messages."""
    if returns & {"ALL", "COUNT"} or not returns & {"MIN", "MAX"} or not found:
        return found
    ends = ([found[0]] if "MIN" in returns else []) + ([found[-1]] if "MAX" in returns else [])
    return sorted(set(ends))


def _highest(context: Context, found: Sequence[int]) -> int:
    """The highest modseq of what was found (RFC 7162 3.1.5)."""
    index = context.open.index
    return max((index.modseqs[place] for place in context.open.view.places(found) if place is not None), default=0)

"""Commands about mailboxes: make, list, subscribe, status, append, open."""

from collections.abc import Sequence

from lettershop.mail.mailbox.selected import Selected, select
from lettershop.mail.mailbox.service import Upload
from lettershop.servers.imap.context import Context, Done, flags_line
from lettershop.store.mailboxes import Mailbox as Box
from lettershop.wire.imap import format as form
from lettershop.wire.imap import values
from lettershop.wire.imap.binary import without_binary
from lettershop.wire.imap.listing import Listed, listed, lsub
from lettershop.wire.imap.names import BadName, checked_name
from lettershop.wire.imap.values import Command

SPECIAL_USES = {use.lower(): use for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")}
PERMANENT = " ".join(flag.decode() for flag in form.SYSTEM_FLAGS)


async def create(context: Context, command: Command) -> Done:
    """CREATE name [(USE (\\Sent))]."""
    assert isinstance(command.arguments, values.Mailbox)
    name = checked_name(context.name(command.arguments.name))
    asked = command.arguments.name.decode("utf-8", "replace").removesuffix("/")
    wanted = command.arguments.special_use
    use = SPECIAL_USES.get(wanted.lower(), "")
    if wanted:
        folders = await context.services.mailboxes.folders(context.account_id)
        if not use or any(box.special_use == use for box in folders.boxes.values()):
            return Done("That use cannot be given to a mailbox.", "USEATTR", "NO")  # RFC 6154 3
    await context.services.mailboxes.create(context.account_id, name, use)
    if context.rev2 and asked != name:  # RFC 9051 6.3.4: the name was normalised
        context.say(_list_line(context, "LIST", Listed(name, ()), old=asked))
    return Done("Created.")


async def delete(context: Context, command: Command) -> Done:
    """DELETE name."""
    assert isinstance(command.arguments, values.Mailbox)
    box = await context.services.mailboxes.find(context.account_id, context.name(command.arguments.name))
    if context.selected is not None and context.selected.mailbox_id == box.id:
        context.opened(None)  # who deletes the open mailbox has none open
    await context.services.mailboxes.delete(context.account_id, box.name)
    return Done("Deleted.")


async def rename(context: Context, command: Command) -> Done:
    """RENAME old new."""
    assert isinstance(command.arguments, values.Rename)
    old, new = context.name(command.arguments.old), checked_name(context.name(command.arguments.new))
    await context.services.mailboxes.rename(context.account_id, old, new)
    return Done("Renamed.")


async def subscribe(context: Context, command: Command) -> Done:
    """SUBSCRIBE name."""
    assert isinstance(command.arguments, values.Mailbox)
    await context.services.mailboxes.subscribe(context.account_id, checked_name(context.name(command.arguments.name)))
    return Done("Subscribed.")


async def unsubscribe(context: Context, command: Command) -> Done:
    """UNSUBSCRIBE name."""
    assert isinstance(command.arguments, values.Mailbox)
    name = context.name(command.arguments.name).removesuffix("/")
    await context.services.mailboxes.unsubscribe(context.account_id, name)
    return Done("Unsubscribed.")


async def namespace(context: Context, command: Command) -> Done:
    """NAMESPACE (RFC 9051 6.3.10): all mailboxes are the user's own."""
    context.untagged('NAMESPACE (("" "/")) NIL NIL')
    return Done("That is all.")


async def list_(context: Context, command: Command) -> Done:
    """LIST."""
    request = command.arguments
    assert isinstance(request, values.List)
    if request.patterns == (b"",) and not request.extended:
        context.untagged('LIST (\\Noselect) "/" ""')  # RFC 9051 6.3.9: the separator is asked for
        return Done("Listed.")
    folders = await context.services.mailboxes.folders(context.account_id)
    lines = listed(
        {name: box.special_use for name, box in folders.boxes.items()},
        folders.subscribed,
        _patterns(context, request),
        select=request.select,
        returns=request.returns,
        extended=request.extended or context.rev2,
    )
    for line in lines:
        context.say(_list_line(context, "LIST", line))
        if request.status and line.exists:
            context.say(await _status_line(context, folders.boxes[line.name], request.status))
    return Done("Listed.")


async def lsub_(context: Context, command: Command) -> Done:
    """LSUB."""
    request = command.arguments
    assert isinstance(request, values.List)
    folders = await context.services.mailboxes.folders(context.account_id)
    boxes = {name: box.special_use for name, box in folders.boxes.items()}
    for line in lsub(boxes, folders.subscribed, _patterns(context, request)[0]):
        context.say(_list_line(context, "LSUB", line))
    return Done("Listed.")


def _patterns(context: Context, request: values.List) -> tuple[str, ...]:
    """Reference and pattern joined; INBOX in any case of letters. A pattern that is no name at all finds nothing."""
    found = []
    for pattern in request.patterns:
        try:
            found.append(context.services.mailboxes.canonical(context.name(request.reference + pattern)))
        except BadName:
            continue
    return tuple(found) or ("",)


def _list_line(context: Context, kind: str, line: Listed, old: str = "") -> bytes:
    info = b' ("OLDNAME" (%b))' % form.mailbox(old, utf8=context.rev2) if old else b""
    info += f' ("CHILDINFO" ("{line.child_info}"))'.encode() if line.child_info else b""
    name = form.mailbox(line.name, utf8=context.rev2)
    return b'* %b (%b) "/" %b%b\r\n' % (kind.encode(), " ".join(line.attributes).encode(), name, info)


async def status(context: Context, command: Command) -> Done:
    """STATUS."""
    assert isinstance(command.arguments, values.Status)
    box = await context.services.mailboxes.find(context.account_id, context.name(command.arguments.name))
    context.say(await _status_line(context, box, command.arguments.items))
    return Done("That is its status.")


async def _status_line(context: Context, box: Box, items: Sequence[str]) -> bytes:
    numbers = {
        "MESSAGES": box.messages, "UIDNEXT": box.uid_next, "UIDVALIDITY": box.uid_validity, "UNSEEN": box.unseen,
        "SIZE": box.bytes, "HIGHESTMODSEQ": box.modseq, "APPENDLIMIT": context.settings.append_limit,
    }  # fmt: skip
    if "HIGHESTMODSEQ" in items:
        context.condstore = True  # RFC 7162 3.1
    if "RECENT" in items:
        numbers["RECENT"] = await context.services.mailboxes.recent(box)
    if "DELETED" in items:
        numbers["DELETED"] = await context.services.mailboxes.deleted(box.id)
    text = " ".join(f"{item} {numbers[item]}" for item in items)
    return b"* STATUS %b (%b)\r\n" % (form.mailbox(box.name, utf8=context.rev2), text.encode())


async def append(context: Context, command: Command) -> Done:
    """APPEND: all messages of the command or none (RFC 3502)."""
    assert isinstance(command.arguments, values.Append)
    messages = command.arguments.messages
    uploads = [_upload(message) for message in messages]
    name = context.name(command.arguments.name)
    results = await context.services.mailboxes.append(context.account_id, name, uploads)
    uids = form.number_set([result.uid for result in results]).decode()
    return Done("Stored.", f"APPENDUID {results[0].uid_validity} {uids}")  # RFC 9051 7.1


def _upload(message: values.NewMessage) -> Upload:
    data = without_binary(message.data) if message.binary else message.data
    flags = message.flags
    return Upload(data, message.at, flags.bits, " ".join(flags.words))


async def open_(context: Context, command: Command) -> Done:
    """SELECT and EXAMINE."""
    assert isinstance(command.arguments, values.Mailbox)
    if context.selected is not None:
        context.opened(None)  # also if this fails (RFC 9051 6.3.2)
        context.untagged("OK [CLOSED] The mailbox before is closed.")
    read_only = command.name == "EXAMINE"
    name = context.name(command.arguments.name)
    mailboxes = context.services.mailboxes
    selected = await select(mailboxes, context.account_id, name, read_only=read_only, claim=not context.rev2)
    context.condstore |= command.arguments.condstore
    context.opened(selected)
    _describe(context, selected)
    return Done("Opened.", "READ-ONLY" if read_only else "READ-WRITE")


def _describe(context: Context, selected: Selected) -> None:
    """What has to be said of a mailbox that is opened (RFC 9051 6.3.2, RFC 3501 6.3.1)."""
    index, box = selected.index, selected.index.box
    context.say(flags_line(index.keywords()))
    permanent = "" if selected.read_only else f"{PERMANENT} \\*"
    context.untagged(f"OK [PERMANENTFLAGS ({permanent})] These are kept.")
    context.untagged(f"{len(index.uids)} EXISTS")
    if context.rev2:
        context.say(_list_line(context, "LIST", Listed(box.name, ())))
    else:
        context.untagged(f"{len(selected.recent)} RECENT")
        first = next((number for number, flags in enumerate(index.flags, 1) if not flags & 1), None)
        if first is not None:
            context.untagged(f"OK [UNSEEN {first}] The first that is not read.")
    context.untagged(f"OK [UIDVALIDITY {box.uid_validity}] Its generation.")
    context.untagged(f"OK [UIDNEXT {box.uid_next}] The next UID, perhaps.")
    context.untagged(f"OK [HIGHESTMODSEQ {box.modseq}] The last change.")


async def close(context: Context, command: Command) -> Done:
    """CLOSE: what is marked as deleted goes, without a word (RFC 9051 6.4.1)."""
    if not context.open.read_only:
        await context.open.expunge()
    context.opened(None)
    return Done("Closed.")


async def unselect(context: Context, command: Command) -> Done:
    """UNSELECT."""
    context.opened(None)
    return Done("Closed.")

"""The dialogue of a session as lines for people: bounded, without bodies and without secrets. [pure]

    C: MAIL FROM:<a@b.example> SIZE=3100
    S: 250 2.1.0 OK
    -- what neither side said

Nothing is written while all goes well: the machine keeps references to what it has anyway, and lines are made of them when
a message is refused or lost.
"""

from collections.abc import Sequence

from lettershop.wire.smtp.replies import Reply

LONGEST_LINE = 300
MOST_LINES = 20
"""Of one reply."""
LONGEST = 4_000
"""Characters of a whole dialogue."""
_CONTROLS = dict.fromkeys((*range(32), 127), " ")
_STEPS = ("mail", "rcpt", "data", "dot")


def said(command: str) -> str:
    """A command of ours."""
    return f"C: {_line(command)}"


def hidden(command: str) -> str:
    """A command that holds a secret: only what is none. Answers to a challenge are nothing but secret."""
    verb, _, rest = command.partition(" ")
    return said(f"{verb} {rest.partition(' ')[0]} (hidden)" if verb == "AUTH" else "(hidden)")


def answered(reply: Reply) -> str:
    """A reply, each of its lines."""
    if reply.code == 334:
        return "S: 334 (hidden)"
    lines = reply.lines[:MOST_LINES] if len(reply.lines) > MOST_LINES else reply.lines
    enhanced = f"{reply.enhanced} " if reply.enhanced else ""
    last = len(lines) - 1
    return "\n".join(
        f"S: {reply.code}{' ' if number == last else '-'}{_line(enhanced + line)}" for number, line in enumerate(lines)
    )


def remark(words: str) -> str:
    """What happened without being said."""
    return f"-- {_line(words)}"


def of_message(envelope: bytes, replies: Sequence[Reply], stage: str, end: str) -> str:
    """One message up to `stage`: the commands of its envelope, the replies before the last one, and how it ended."""
    commands = envelope.decode("utf-8", "replace").splitlines()
    steps = _STEPS[: _STEPS.index(stage) + 1] if stage in _STEPS else ()
    lines: list[str] = []
    whole = "the message" if commands[-1].startswith("BDAT") else "the message, ended by a dot"
    for number, step in enumerate(steps):
        lines.append(remark(whole) if step == "dot" else said(commands[number]))
        if number < len(steps) - 1 and number < len(replies):
            lines.append(answered(replies[number]))
    return "\n".join([*lines, end])


def bounded(text: str) -> str:
    """Its beginning and its end, where it is too long; the middle is the same for all messages of a connection."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 3]}\n{remark('…')}\n{text[-(LONGEST - LONGEST // 3 - 10) :]}"


def _line(text: str) -> str:
    text = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"
    return text if text.isprintable() else text.translate(_CONTROLS).encode("utf-8", "replace").decode()

"""The errors of the whole program, one tree.

What lives here: the base classes only. A room adds its own leaf where it raises it, never a second tree.
What must not: words of a foreign exception. `public` is what a peer, an operator or a marketer may read;
the private cause travels as `__cause__` and goes to the log (DESIGN.md, never-rule 8).

    LettershopError
    |- ConfigError          the operator's file or environment is wrong; the program does not start
    |- NotFound             what was named does not exist
    |- Conflict             it exists already, or its state does not allow this
    |- Refused              a rule says no (compliance, policy, rights); saying it again will not help
    |- Invalid              the input is not well formed
    |  `- ProtocolError     a peer broke the rules of a wire protocol
    `- Temporary            it may work later: storage is busy, a server does not answer
       `- NoRoom            nothing more can be stored: the disk is full
"""


class LettershopError(Exception):
    """Base of all errors: `public` words for people, a stable `code` for machines, a `remedy` if there is one.

    `retry` says whether the same request may succeed later without anybody changing anything.
    """

    code = "internal"
    retry = False

    def __init__(self, public: str, *, code: str | None = None, remedy: str = "") -> None:
        super().__init__(public)
        self.public = public
        self.remedy = remedy
        if code is not None:
            self.code = code

    def for_people(self) -> str:
        """What happened and what to do, in one or two sentences."""
        return f"{self.public} {self.remedy}".strip()


class ConfigError(LettershopError):
    """The configuration is wrong; the words name the key and, where one is near, the key that was meant."""

    code = "config"


class NotFound(LettershopError):
    """The thing that was named does not exist."""

    code = "not-found"


class Conflict(LettershopError):
    """It exists already, or its present state does not allow what was asked."""

    code = "conflict"


class Refused(LettershopError):
    """A rule says no: compliance, policy or missing rights. `code` names the rule."""

    code = "refused"


class Invalid(LettershopError):
    """The input is not well formed."""

    code = "invalid"


class ProtocolError(Invalid):
    """A peer broke the rules of a wire protocol."""

    code = "protocol"


class Temporary(LettershopError):
    """It may work later."""

    code = "temporary"
    retry = True


class NoRoom(Temporary):
    """Nothing more can be stored until somebody makes room."""

    code = "no-room"

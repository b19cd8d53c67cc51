"""Structured logs on standard error: text for people on a terminal, one JSON object a line elsewhere.

`get_logger("mail.inbound")` gives a logger whose calls take an event in words and facts as keys:
`log.info("message taken", sender=…, recipients=2)`. Secrets and message bodies are never logged. wire/ does not log.
"""

import logging
import sys
from typing import Literal, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

Logger = FilteringBoundLogger


def configure(level: str, form: Literal["auto", "json", "text"]) -> None:
    """Set the process's logging up, once, from `app`."""
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    # plain tracebacks: the renderer's own would print local variables, secrets among them
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_dumps)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> Logger:
    """The logger of a room."""
    return cast(Logger, structlog.get_logger(room=name))


def _dumps(value: object, **_options: object) -> str:
    return orjson.dumps(value, default=str).decode()

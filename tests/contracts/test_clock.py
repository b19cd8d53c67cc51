"""One source of time and randomness: `base.clock`. Everybody else is handed a Clock or the values."""

from collections.abc import Iterator

from tests.contracts.source import Module, module_of, modules, report

FORBIDDEN = (
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.localtime",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
    "email.utils.localtime", "email.utils.make_msgid", "os.urandom", "uuid.uuid1", "uuid.uuid4", "random.", "secrets.",
)  # fmt: skip
"""Names, and with a final dot whole modules."""

WITHOUT_ARGUMENT = ("time.gmtime", "time.ctime", "time.strftime", "email.utils.formatdate")
"""These read the clock unless a moment is given; the number of arguments from which one is."""
MOMENT_FROM = {"time.strftime": 2}

EXCEPTIONS = {
    "base.clock": "is the clock",
    "supervisor": "durations in the parent process, which has no event loop and decides nothing by the time of day",
    "client.connection": "runs in other people's programs; a key for a write need only be its own",
}


def readings(module: Module) -> Iterator[str]:
    """Where a module reads time or chance by itself."""
    for node, name in module.calls():
        whole_module = any(rule.endswith(".") and name.startswith(rule) for rule in FORBIDDEN)
        bare = name in WITHOUT_ARGUMENT and len(node.args) + len(node.keywords) < MOMENT_FROM.get(name, 1)
        if name in FORBIDDEN or whole_module or bare:
            yield f"{module.at(node)} calls {name}"


def test_only_the_clock_reads_the_clock() -> None:
    found = [line for module in modules() if module.name not in EXCEPTIONS for line in readings(module)]

    assert not found, report(found)


def test_a_reading_is_seen_under_any_name() -> None:
    staged = module_of(
        "from datetime import UTC, datetime\nfrom time import gmtime, time as now\nimport random as r\n"
        "now()\ndatetime.now(UTC)\nr.choice([1])\ngmtime()\ngmtime(0)\ndatetime.fromtimestamp(0, UTC)\n"
    )

    assert [line.rpartition(":")[2].split()[0] for line in readings(staged)] == ["4", "5", "6", "7"]


def test_the_exceptions_are_needed() -> None:
    idle = [module.name for module in modules() if module.name in EXCEPTIONS and not list(readings(module))]

    assert not idle, f"no longer an exception: {idle}"


def test_servers_ask_no_clock() -> None:
    """Never 4: what depends on the moment is a rule, and rules are for services."""
    found = [
        f"{module.at(node)} calls {name}"
        for module in modules()
        if module.room == "servers"
        for node, name in module.calls()
        if ".clock." in f".{name}" and name.rpartition(".")[2] in ("now", "monotonic", "token", "sleep")
    ]

    assert not found, report(found)

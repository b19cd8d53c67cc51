"""The openspf test suite for RFC 7208: 203 cases with their own DNS. Read from ../shared/vectors."""

from collections import Counter

import yaml

from lettershop.wire.trust.questions import FAILED, NO_SUCH_NAME, Answer, Query, drive
from lettershop.wire.trust.spf.check import Client, check_host


def entries(records) -> list[tuple[str, str]]:
    """(type, value) pairs of a zone entry; SPF records stand for TXT records where there are none (the suite's head)."""
    pairs = [("TIMEOUT", "") if entry == "TIMEOUT" else next(iter(entry.items())) for entry in records]
    has_txt = any(kind == "TXT" for kind, _ in pairs)
    pairs = [("TXT" if kind == "SPF" and not has_txt else kind, value) for kind, value in pairs]
    return [(kind, value) for kind, value in pairs if value != "NONE"]


def text(kind: str, value) -> str:
    if kind == "MX":
        return f"{value[0]} {value[1]}"
    joined = "".join(value) if isinstance(value, list) else value
    return joined.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


class Zone:
    """The suite's DNS: TIMEOUT answers for the types that did not come before it."""

    def __init__(self, data) -> None:
        self._data = {str(name).lower(): entries(records) for name, records in data.items()}

    def ask(self, query: Query) -> Answer:
        name = query.name.lower()
        if any(not 0 < len(label) < 64 for label in name.split(".")):
            return NO_SUCH_NAME
        for _ in range(10):
            if name not in self._data:
                return NO_SUCH_NAME
            pairs = self._data[name]
            found = tuple(text(kind, value) for kind, value in pairs if kind == query.rdtype)
            alias = next((value for kind, value in pairs if kind == "CNAME"), None)
            if found or alias is None:
                break
            name = alias.lower()
        if not found and any(kind == "TIMEOUT" for kind, _ in pairs):
            return FAILED
        return Answer("ok", found, 60.0) if found else Answer("nodata")


def test_the_openspf_suite(vectors):
    suite = vectors / "spf" / "rfc7208-tests.yml"
    wrong, counted = [], Counter()
    for scenario in yaml.safe_load_all(suite.read_text(encoding="utf-8")):
        zone = Zone(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            client = Client(case["host"], case["helo"], receiver="example.com")
            result = drive(check_host(client, case["mailfrom"]), zone.ask)
            expected = case["result"] if isinstance(case["result"], list) else [case["result"]]
            explained = case.get("explanation", "DEFAULT")
            right = result.verdict in expected and (explained in ("DEFAULT", result.explanation))
            counted[right] += 1
            if not right:
                wrong.append((scenario["description"], name, expected, explained, result))
    assert not wrong, wrong
    assert counted[True] == 203

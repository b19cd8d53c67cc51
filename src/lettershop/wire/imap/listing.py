"""LIST and LSUB: which names answer which patterns, with which attributes (RFC 9051 6.3.9, RFC 3501 6.3.9). [pure]

The flow: the names of the account and all their parents > those that match a pattern > those that the selection
options want > attributes. A parent that is no mailbox exists only in answers.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from lettershop.wire.imap.names import SEPARATOR


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the answer. `child_info`: a mailbox below it that is not in the answer matches the selection."""

    name: str
    attributes: tuple[str, ...]
    child_info: str = ""
    exists: bool = True


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits: "*" is anything, "%" anything within a level. Takes len(pattern) * len(name) steps at most."""
    places = {0}
    for char in pattern:
        if char == "*":
            places = set(range(min(places), len(name) + 1))
        elif char == "%":
            places = {end for start in places for end in range(start, _level_end(name, start) + 1)}
        else:
            places = {place + 1 for place in places if name.startswith(char, place)}
        if not places:
            return False
    return len(name) in places


def _level_end(name: str, start: int) -> int:
    end = name.find(SEPARATOR, start)
    return len(name) if end < 0 else end


def listed(
    boxes: Mapping[str, str],
    subscribed: Set[str],
    patterns: tuple[str, ...],
    *,
    select: frozenset[str] = frozenset(),
    returns: frozenset[str] = frozenset(),
    extended: bool = False,
) -> list[Listed]:
    """The answer to LIST. `boxes`: name -> special use; `extended`: the client knows \\NonExistent."""
    names = set(boxes) | (subscribed if "SUBSCRIBED" in select else set())
    parents = {parent for name in boxes for parent in _parents(name)}
    chosen = {name for name in names if _wanted(name, boxes, subscribed, select)}
    matching = {name for name in names | parents | _all_parents(names) if _any(patterns, name)}
    show_subscribed = "SUBSCRIBED" in returns or "SUBSCRIBED" in select
    answer = []
    for name in sorted(matching):
        child_info = "RECURSIVEMATCH" in select and any(_below(other, name) for other in chosen - matching)
        if not (name in chosen or child_info or (not _filters(select) and name in parents)):
            continue
        attributes = [*_existence(name, boxes, extended), "\\HasChildren" if name in parents else "\\HasNoChildren"]
        if show_subscribed and name in subscribed:
            attributes.append("\\Subscribed")
        if boxes.get(name):
            attributes.append(boxes[name])
        info = "SUBSCRIBED" if child_info and "SUBSCRIBED" in select else "SPECIAL-USE" if child_info else ""
        answer.append(Listed(name, tuple(attributes), info, name in boxes))
    return answer


def lsub(boxes: Mapping[str, str], subscribed: Set[str], pattern: str) -> list[Listed]:
    """The answer to LSUB: with "%", a parent of subscribed names that is not subscribed itself is told as \\Noselect."""
    found = [Listed(name, (), exists=name in boxes) for name in subscribed if matches(pattern, name)]
    if "%" in pattern:
        parents = _all_parents(subscribed) - subscribed
        found += [Listed(name, ("\\Noselect",), exists=False) for name in parents if matches(pattern, name)]
    return sorted(found, key=lambda line: line.name)


def _parents(name: str) -> list[str]:
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:count]) for count in range(1, len(levels))]


def _all_parents(names: Set[str]) -> set[str]:
    return {parent for name in names for parent in _parents(name)}


def _below(name: str, parent: str) -> bool:
    return name.startswith(parent + SEPARATOR)


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def _filters(select: frozenset[str]) -> bool:
    return "SUBSCRIBED" in select or "SPECIAL-USE" in select


def _wanted(name: str, boxes: Mapping[str, str], subscribed: Set[str], select: frozenset[str]) -> bool:
    if "SUBSCRIBED" in select and name not in subscribed:
        return False
    return not ("SPECIAL-USE" in select and not boxes.get(name))


def _existence(name: str, boxes: Mapping[str, str], extended: bool) -> tuple[str, ...]:
    if name in boxes:
        return ()
    return ("\\NonExistent",) if extended else ("\\Noselect",)  # RFC 9051 6.3.9.4, RFC 3501 7.2.2

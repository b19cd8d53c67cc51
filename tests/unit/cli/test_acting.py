"""Which commands are noted in the log of who did what: all but those that only look, without what was given to them."""

import click
import pytest
from typer.main import get_command

from lettershop.cli.context import READING, acting_command
from lettershop.cli.program import program


def leaves(command, path=()):
    """All commands, by their words."""
    if not hasattr(command, "commands"):
        yield path
        return
    for name, below in command.commands.items():
        yield from leaves(below, (*path, name))


def named(words):
    """What would be noted of a command."""
    context = None
    for word in ("lettershop", *words):
        context = click.Context(click.Command(word), info_name=word, parent=context)
    with context:
        return acting_command()


@pytest.mark.parametrize("words", list(leaves(get_command(program))), ids=" ".join)
def test_every_command_either_looks_or_is_noted(words):
    assert named(words) == ("" if words[-1] in READING else " ".join(words))


def test_some_of_each():
    assert named(("campaign", "send")) == "campaign send"
    assert named(("privacy", "erase")) == "privacy erase"
    assert named(("campaign", "report")) == ""
    assert acting_command() == ""

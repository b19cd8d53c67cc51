"""The commands, one file a subject. They build the house (`app.open_house`), call one service and print what it says.

Errors of ours are printed in their public words with the remedy, exit code 1; wrong usage is exit code 2.
"""

import sys

from lettershop.base.errors import LettershopError


def main() -> None:
    """The program `lettershop`."""
    from lettershop.cli.program import program  # noqa: PLC0415  (keeps `--help` of a broken install readable)

    try:
        program()
    except LettershopError as error:
        print(f"lettershop: {error.for_people()}", file=sys.stderr)
        sys.exit(1)

"""Never 3: with marketing/ deleted the mail server still starts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contracts.source import PACKAGE

NOT_NEEDED = shutil.ignore_patterns("__pycache__", "vendor", "marketing")

START = """
import asyncio
from lettershop.app.house import open_house
from lettershop.app.worker import run_worker
from lettershop.app.mail import build_mail
from lettershop.base.config import load

async def start():
    async with open_house(load('[server]\\nhostname = "mail.a.example"', {})) as house:
        assert house.marketing is None
        mail = build_mail(house)
        await house.accounts.add_domain("a.example")
        print("started", type(mail.port25).__name__)

asyncio.run(start())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, but without marketing/."""
    folder = tmp_path_factory.mktemp("without")
    shutil.copytree(PACKAGE, folder / "lettershop", ignore=NOT_NEEDED)
    return folder


def python(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_mail_server_is_built(installed: Path) -> None:
    done = python(installed, "-c", START)

    assert done.returncode == 0, done.stderr
    assert "started Gateway" in done.stdout


def test_the_commands_of_mail_are_there_and_those_of_marketing_are_not(installed: Path) -> None:
    done = python(installed, "-m", "lettershop", "--help")

    assert done.returncode == 0, done.stderr
    assert "account" in done.stdout
    assert "campaign" not in done.stdout


def test_this_package_was_the_one_that_ran(installed: Path) -> None:
    """Else the tests above would prove nothing."""
    done = python(installed, "-c", "import lettershop, sys; print(lettershop.__file__)")

    assert done.stdout.strip() == str(installed / "lettershop" / "__init__.py")

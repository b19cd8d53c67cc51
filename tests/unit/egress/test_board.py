"""Figures that workers share: every process reads and writes the same, and a killed one leaves nothing behind."""

import os

import pytest

from lettershop.egress.board import Board
from lettershop.egress.pace import OwnCell


@pytest.fixture
def board():
    return Board(2, records=64)


def in_child(work):
    """Run in a forked process; its exit code."""
    pid = os.fork()
    if not pid:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_cell_is_the_same_for_all_processes(board):
    mine = board.cell("192.0.2.1", "google")
    mine.window = 3.0
    mine.count(2)

    def other():
        board.take_seat(1)
        cell = board.cell("192.0.2.1", "google")
        assert cell.window == 3.0
        cell.count(4)
        cell.measured(2.5)
        cell.why = "Ärger " * 100
        cell.suspended_until = 1234.5
        with cell.lock():
            cell.tokens -= 1
        assert board.cell("192.0.2.2", "google").window == 0.0

    assert in_child(other) == 0
    assert (mine.connections, mine.speed, mine.suspended_until, mine.tokens) == (6, 2.5, 1234.5, -1.0)
    assert mine.why.startswith("Ärger Ärger")


def test_who_takes_a_dead_ones_seat_starts_at_zero(board):
    def killed():
        board.take_seat(1)
        board.cell("", "b.example").count(5)

    assert in_child(killed) == 0
    mine = board.cell("", "b.example")
    mine.count(1)
    assert mine.connections == 6
    assert in_child(lambda: board.take_seat(1)) == 0
    assert mine.connections == 1


def test_locks_hold_between_processes(board):
    cell = board.cell("", "b.example")

    def work():
        mine = board.cell("", "b.example")
        for _ in range(2000):
            with mine.lock():
                mine.tokens += 1

    pids = []
    for _ in range(3):
        pid = os.fork()
        if not pid:
            work()
            os._exit(0)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]
    assert cell.tokens == 6000


def test_a_full_board_gives_cells_of_ones_own():
    board = Board(1, records=4)
    cells = [board.cell("", f"d{number}.example") for number in range(20)]
    for number, cell in enumerate(cells):
        cell.window = float(number)
    assert [cell.window for cell in cells] == [float(number) for number in range(20)]
    assert sum(isinstance(cell, OwnCell) for cell in cells) == 16

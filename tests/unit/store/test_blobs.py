"""Blobs: what was put comes back, a torn or full disk loses nothing that was acknowledged."""

import asyncio
import os

import pytest

from lettershop.store.blobs import PACK_TIME, BlobMissing, BlobsFull, PackBlobs, open_blobs


async def test_what_was_put_comes_back_also_after_a_restart(tmp_path, clock):
    blobs = open_blobs(f"file://{tmp_path}", clock)
    bodies = [os.urandom(n) for n in (0, 1, 100, 70_000)]
    keys = await asyncio.gather(*(blobs.put(body) for body in bodies))
    assert [await blobs.get(key) for key in keys] == bodies
    assert await blobs.get_range(keys[3], 10, 20) == bodies[3][10:20]
    assert await blobs.get_range(keys[2], 90, 500) == bodies[2][90:]
    await blobs.close()
    again = open_blobs(f"file://{tmp_path}", clock)
    assert [await again.get(key) for key in keys] == bodies
    await again.close()


@pytest.mark.parametrize("key", ["", "x", "a:b:c", "../../etc/passwd:0:10", "none:0:1"])
async def test_an_unknown_key_is_an_error_of_ours(tmp_path, clock, key):
    blobs = open_blobs(f"file://{tmp_path}", clock)
    with pytest.raises(BlobMissing):
        await blobs.get(key)
    await blobs.close()


async def test_a_pack_that_was_cut_off_is_noticed(tmp_path, clock):
    blobs = PackBlobs(tmp_path, "p", clock)
    key = await blobs.put(b"x" * 1000)
    os.truncate(tmp_path / "p-0000.pack", 500)
    with pytest.raises(BlobMissing):
        await blobs.get(key)
    await blobs.close()


async def test_a_full_disk_fails_the_waiters_and_keeps_what_was_there(tmp_path, clock, monkeypatch):
    blobs = PackBlobs(tmp_path, "p", clock)
    key = await blobs.put(b"first")
    real, failing = os.fdatasync, True

    def full(descriptor: int) -> None:
        if failing:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(BlobsFull):
        await blobs.put(b"second")
    failing = False
    third = await blobs.put(b"third")
    assert (await blobs.get(key), await blobs.get(third)) == (b"first", b"third")
    await blobs.close()


async def test_deleted_bytes_are_gone_from_the_disk_and_the_others_stay(tmp_path, clock):
    blobs = PackBlobs(tmp_path, "p", clock)
    first, second = await blobs.put(b"secret" * 5000), await blobs.put(b"kept" * 5000)
    await blobs.delete(first)
    await blobs.delete(first)
    with pytest.raises(BlobMissing):
        await blobs.get(first)
    with pytest.raises(BlobMissing):
        await blobs.get_range(first, 0, 6)
    assert await blobs.get(second) == b"kept" * 5000
    assert b"secret" not in (tmp_path / "p-0000.pack").read_bytes()
    await blobs.delete("no:1:2")
    await blobs.delete("nonsense")
    await blobs.close()


async def test_a_pack_of_holes_is_removed_when_nobody_can_be_writing_it(tmp_path, clock):
    blobs = PackBlobs(tmp_path, "p", clock)
    one, other = await blobs.put(b"one"), await blobs.put(b"other")
    os.utime(tmp_path / "p-0000.pack", (clock.now(), clock.now()))
    clock.advance(2 * PACK_TIME + 1)
    await blobs.delete(one)
    os.utime(tmp_path / "p-0000.pack", (1, 1))
    assert await blobs.tidy() == 0, "a message is left in it"
    await blobs.delete(other)
    assert await blobs.tidy() == 0, "it was changed just now"
    os.utime(tmp_path / "p-0000.pack", (1, 1))
    assert await blobs.tidy() == 1
    later = await blobs.put(b"later")
    assert later.startswith("p-0001"), "a pack is not begun again"
    assert await blobs.get(later) == b"later"
    await blobs.close()

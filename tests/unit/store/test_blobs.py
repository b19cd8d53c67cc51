"""Blobs: what was put comes back, a torn or full disk loses nothing that was acknowledged."""

import asyncio
import os

import pytest

from lettershop.store.blobs import BlobMissing, BlobsFull, PackBlobs, open_blobs


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
    blobs = PackBlobs(tmp_path, "p")
    key = await blobs.put(b"x" * 1000)
    os.truncate(tmp_path / "p-0000.pack", 500)
    with pytest.raises(BlobMissing):
        await blobs.get(key)
    await blobs.close()


async def test_a_full_disk_fails_the_waiters_and_keeps_what_was_there(tmp_path, clock, monkeypatch):
    blobs = PackBlobs(tmp_path, "p")
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

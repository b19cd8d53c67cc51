"""Pictures told from their bytes, kept by hash; files that go with a campaign."""

import email
import email.policy
import struct
import zlib
from hashlib import sha256

import pytest

from lettershop.marketing.campaigns import CampaignInvalid, Campaigns, Draft
from lettershop.marketing.compliance import Case, examine
from lettershop.marketing.content import Design
from lettershop.marketing.design import design_of
from lettershop.marketing.media import Media, NoSuchMedium, files_of, in_browser, safe_name
from lettershop.marketing.pictures import Kind, MediaInvalid, look
from lettershop.marketing.render import Person, compile_design, is_canonical, merge_fields
from lettershop.store import campaigns, workspaces
from lettershop.store.blobs import open_blobs

FOOTER = '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">x</a></p>'


def png(width=3, height=2):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + b"\x10\x20\x30" * width for _ in range(min(height, 50)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


GIF = bytes.fromhex("47494638396101000200800000000000ffffff21f90401000000002c00000000010002000002024401003b")
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc4\x00\x05abc"
    b"\xff\xff\xc2\x00\x0b\x08\x00\x05\x00\x07\x01\x01\x11\x00"
    b"\xff\xda\x00\x08\x01\x01\x00\x00?\x00data\xff\xd9"
)  # fmt: skip


def webp(kind, rest):
    data = b"WEBP" + kind + struct.pack("<I", len(rest)) + rest
    return b"RIFF" + struct.pack("<I", len(data)) + data


WEBPS = [
    webp(b"VP8X", b"\0\0\0\0" + (8).to_bytes(3, "little") + (6).to_bytes(3, "little")),
    webp(b"VP8L", b"\x2f" + struct.pack("<I", 8 | 6 << 14) + b"\0" * 8),
    webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 9, 7) + b"\0" * 4),
]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(), Kind("image/png", 3, 2)), (GIF, Kind("image/gif", 1, 2)), (JPEG, Kind("image/jpeg", 7, 5)),
        *[(one, Kind("image/webp", 9, 7)) for one in WEBPS],
        (b"%PDF-1.7 x", Kind("application/pdf")), (b"\0\1\2", Kind("application/octet-stream")),
        (b"RIFF\0\0\0\0WAVEfmt ", Kind("application/octet-stream")), (b"a,b\n1,2", Kind("application/octet-stream")),
    ],
)  # fmt: skip
def test_what_a_file_is_stands_in_its_bytes(data, kind):
    assert look(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<svg onload=x>", b"\xef\xbb\xbf <!DOCTYPE html>", b"<?xml version='1.0'?><svg/>", b"GIF <svg><script>", b"  <script>",
        png(20_000, 1), png(0, 1), png(9000, 9000), b"GIF89a\1\0", b"GIF89x" + b"\1\0" * 4 + b";", b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9", b"RIFF\xff\0\0\0WEBPVP8X" + b"\0" * 20, webp(b"ALPH", b"\0" * 20),
    ],
)  # fmt: skip
def test_what_is_broken_or_could_run_is_refused(data):
    with pytest.raises(MediaInvalid):
        look(data)


@pytest.mark.parametrize("data", [png(), GIF, JPEG, *WEBPS], ids=["png", "gif", "jpeg", "x", "l", "lossy"])
def test_every_cut_of_a_picture_is_refused_or_no_picture(data):
    for end in range(12, len(data) - 1):
        with pytest.raises(MediaInvalid):
            look(data[:end])


def test_names_are_safe():
    names = ["logo.png", "../../etc/passwd", "C:\\x\\Größe 1.png", '";x\r\n', "...", "a" * 200]
    assert [safe_name(name) for name in names] == ["logo.png", "passwd", "Gre-1.png", "x", "file", "a" * 100]


@pytest.fixture
async def library(store, clock, tmp_path):
    await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    await store.main.write(workspaces.ensure_workspace, "V", 1.0)
    brand = {"name": "B", "from_name": "B", "from_address": "b@b.example", "postal_address": "1 Street"}
    await store.main.write(workspaces.ensure_brand, 1, at=1.0, **brand)
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    yield Media(store.main, blobs, clock, "https://m.example/")
    await blobs.close()


async def test_the_same_bytes_are_the_same_medium_and_workspaces_do_not_see_each_other(library):
    one, again = await library.upload(1, "a.png", png()), await library.upload(1, "b.png", png())
    other = await library.upload(2, "c.png", png())
    assert one == again and other.id != one.id and one.hash == sha256(png()).hexdigest()
    assert [found.id for found in await library.page(1)] == [one.id]
    with pytest.raises(NoSuchMedium):
        await library.remove(1, other.id)
    assert library.url(one) == f"https://m.example/m/{one.hash}/a.png"
    await library.remove(1, one.id)
    assert (await library.served(one.hash)).data == png()
    await library.remove(2, other.id)
    assert await library.served(one.hash) is None and await library.served("../x") is None


async def test_only_pictures_are_shown(library):
    file = await library.upload(1, "x.html", b"%PDF-1.7 <script>"[:9])
    served = await library.served(file.hash)
    assert (served.content_type, served.shown) == ("application/octet-stream", False)


async def test_files_go_with_a_campaign(store, clock, library):
    service = Campaigns(store.main, store.mail, clock, "https://m.example")
    logo, terms = (
        await library.upload(1, "logo.png", png()),
        await library.upload(1, "terms.pdf", b"%PDF-1 " + b"x" * 300),
    )
    foreign = await library.upload(2, "x.png", GIF)
    files = [{"media_id": logo.id, "inline": True}, {"media_id": terms.id, "inline": False}]
    page = f'<p>{{{{ name }}}}<img src="cid:logo.png" alt="Logo"></p>{FOOTER}'
    key = await service.create(1, Draft(name="C", subject="S", brand="B", html=page, files=files))
    with pytest.raises(CampaignInvalid):
        await service.create(1, Draft(name="C", subject="S", brand="B", html=page, files=[{"media_id": foreign.id}]))
    campaign = await store.main.read(campaigns.by_id, key)
    design = await store.main.read(design_of, campaign, "https://m.example")
    compiled = compile_design(design, await files_of(design, library._blobs))
    person = Person("ann@x.example", "Ann", "tok", 0.0, merge_fields("ann@x.example", "Ann", {}))
    built = compiled.make(person)
    assert compiled.fast and is_canonical(built.body) and built.body_hash == sha256(built.body).digest()
    made = email.message_from_bytes(built.unsigned(), policy=email.policy.SMTP)
    assert [part.get_content_type() for part in made.walk()] == [
        "multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png", "application/pdf"
    ]  # fmt: skip
    parts = list(made.walk())
    assert parts[5]["Content-ID"] == "<logo.png>" and parts[5].get_content() == png()
    assert parts[6].get_filename() == "terms.pdf" and parts[6].get_content().startswith(b"%PDF-1 xxx")
    assert "cid:logo.png" in parts[4].get_content() and not made.defects
    assert f"https://m.example/m/{logo.hash}/logo.png" in in_browser(compiled.page(person), design)
    await library.remove(1, terms.id)
    assert [one.words for one in await service.check(key) if one.code == "template"] == [
        f"There is no medium {terms.id}."
    ]


def files(*found):
    same = {"content_type": "image/png", "hash": "h", "blob": ""}
    return [{**same, "name": name, "size": size, "inline": inline} for name, size, inline in found]


@pytest.mark.parametrize(
    ("html", "enclosed", "expected"),
    [
        ("", files(("a.png", 3_000_001, False)), {("files-large", "error")}),
        ("", files(("a.png", 300_001, False)), {("files-large", "warning")}),
        ('<img src="cid:a.png" alt="">', files(("a.png", 1, True)), set()),
        ('<img src="cid:a.png" alt="">', files(("a.png", 1, False)), {("inline-image", "error")}),
        ("", files(("a.png", 1, True)), {("inline-image", "warning")}),
    ],
)
def test_the_check_looks_at_files(html, enclosed, expected):
    design = Design(
        7, 1, 1, "S", html + FOOTER, "B", "b@b.example", "https://m.example", postal_address="x", files=enclosed
    )
    found = examine(Case(design, compile_design(design), "", 1, 0, True, ("rsa",)))
    of_files = ("files-large", "inline-image")
    assert {(one.code, one.severity) for one in found if one.code in of_files} == expected

"""An archive of a model is the model, and can do nothing but be read."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from generators import tiny
from graph import bare

from tfinv.errors import UserError
from tfinv.generators.formats import archives
from tfinv.generators.load import load_generator

Z = np.ones((1, tiny.LATENT), np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return Path(tiny.dcgan(tmp_path_factory.mktemp("g") / "tiny"))


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Where archives are unpacked; nothing may be left in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def packed(path, folder, top: str = "") -> str:
    """Packs a folder's content, under a folder `top` if named."""
    if str(path).endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, os.path.join(top, file.relative_to(folder)))
    else:
        mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
        kind = mode.get(str(path).rpartition(".")[2], "w:gz" if "?" in str(path) else "w")
        with tarfile.open(path, kind) as archive:
            archive.add(folder, arcname=top or ".")
    return str(path)


@pytest.mark.parametrize("top", ["", "biggan/1"])
@pytest.mark.parametrize(
    "name",
    ["m.tar.gz", "m.tgz", "m.tar", "m.tar.bz2", "m.tar.xz", "m.zip", "2?tf-hub-format=compressed"],
)
def test_an_archive_draws_what_its_folder_does(saved, tmp_path, name, top):
    path = packed(tmp_path / name, saved, top)
    generator = load_generator(path)
    np.testing.assert_array_equal(generator(Z), load_generator(saved)(Z))
    assert generator.path == path


def test_a_single_file_among_others(tmp_path):
    (tmp_path / "m").mkdir()
    truth = tiny.keras(tmp_path / "m" / "generator.keras", keras)
    (tmp_path / "m" / "README.md").write_text("read me")
    (tmp_path / "m" / "._generator.keras").write_text("left by a file manager")
    generator = load_generator(packed(tmp_path / "m.zip", tmp_path / "m"))
    np.testing.assert_allclose(generator(truth.z) * 2 - 1, truth.raw, atol=1e-5)


def test_a_checkpoint_with_its_graph(tmp_path):
    (tmp_path / "m").mkdir()
    bare.checkpoint(tmp_path / "m" / "model.ckpt", default=True)
    os.remove(tmp_path / "m" / "checkpoint")
    path = packed(tmp_path / "m.tar.gz", tmp_path / "m", "run")
    assert load_generator(path, output="G/image").image_shape == (4, 4, 3)


def test_messages_name_the_archive(saved, tmp_path, scratch):
    shutil.copytree(saved, tmp_path / "m")
    shutil.rmtree(tmp_path / "m" / "variables")
    path = packed(tmp_path / "m.tar.gz", tmp_path / "m", "top")
    with pytest.raises(UserError, match="variables") as raised:
        load_generator(path)
    assert path in str(raised.value) and str(scratch) not in str(raised.value)


def test_nothing_is_left_after_an_interruption(saved, tmp_path):
    def interrupted(content, request):
        assert os.path.isfile(os.path.join(content, "saved_model.pb"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archives.read(packed(tmp_path / "m.tgz", saved), None, interrupted)


def refused(path, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        load_generator(path)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


def test_contents_that_are_no_generator(saved, tmp_path):
    (tmp_path / "m").mkdir()
    refused(packed(tmp_path / "m.tar.gz", tmp_path / "m"), "is empty")
    (tmp_path / "m" / "notes.txt").write_text("hello")
    refused(packed(tmp_path / "m.zip", tmp_path / "m"), "'notes.txt' in it is no generator")
    packed(tmp_path / "m" / "inner.tar.gz", saved)
    refused(packed(tmp_path / "n.zip", tmp_path / "m"), "which holds inner.tar.gz, notes.txt")
    os.remove(tmp_path / "m" / "notes.txt")
    refused(packed(tmp_path / "m.zip", tmp_path / "m"), "'inner.tar.gz' in it is no generator")


def member(name: str, **fields) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


LINK, HARD, FIFO, DEVICE = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.BLKTYPE


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (member("../escape"), "'../escape' in it is a path outside of it"),
        (member("a/../../escape"), "is a path outside of it"),
        (member("/tmp/escape"), "'/tmp/escape' in it is a path outside of it"),
        (member("..\\escape"), "is a path outside of it"),
        (member("C:\\escape"), "is a path outside of it"),
        (member("out", type=LINK, linkname="/etc/passwd"), r"is a link \(to '/etc/passwd'\)"),
        (member("out", type=HARD, linkname="../escape"), r"is a link"),
        (member("out", type=FIFO), "is neither a file nor a folder"),
        (member("out", type=DEVICE, devmajor=8), "is neither a file nor a folder"),
        (member("out", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "is neither a file nor"),
    ],
)
def test_members_that_reach_outside(tmp_path, info, message):
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        archive.addfile(member("saved_model.pb", size=1), io.BytesIO(b"x"))
        archive.addfile(info)
    refused(tmp_path / "m.tar", message)
    assert not (tmp_path / "escape").exists() and not os.path.exists("/tmp/escape")


def test_links_and_encrypted_members_of_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        info = zipfile.ZipInfo("out")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "m.zip", "is neither a file nor a folder")
    with zipfile.ZipFile(tmp_path / "n.zip", "w") as archive:
        archive.writestr("../escape", "x")
    refused(tmp_path / "n.zip", "is a path outside of it")
    whole = bytearray((tmp_path / "n.zip").read_bytes().replace(b"../escape", b"in/escape"))
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "n.zip").write_bytes(whole)
    refused(tmp_path / "n.zip", "is encrypted")


def test_a_member_twice(tmp_path):
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        for content in (b"good", b"evil"):
            archive.addfile(member("a/b", size=4), io.BytesIO(content))
    refused(tmp_path / "m.tar", "it holds 'a/b' twice")


def test_a_file_where_a_folder_was(tmp_path):
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        archive.addfile(member("a", size=4), io.BytesIO(b"file"))
        archive.addfile(member("a/b", size=4), io.BytesIO(b"file"))
    refused(tmp_path / "m.tar", "it holds 'a' twice")


@pytest.mark.parametrize("name", ["bomb.tar.gz", "bomb.zip"])
def test_decompression_bombs(tmp_path, name, monkeypatch):
    monkeypatch.setattr(archives, "MIN_TOTAL", 1 << 20)
    zeros = bytes(64 << 20)
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", zeros)
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.addfile(member("zeros", size=len(zeros)), io.BytesIO(zeros))
    refused(path, r"its \d+ bytes hold more than \d+")


def test_archives_that_the_disk_has_no_room_for(saved, tmp_path, monkeypatch):
    path = packed(tmp_path / "m.tar", saved)
    monkeypatch.setattr(archives, "MIN_FREE", shutil.disk_usage(tmp_path).total)
    refused(path, "hold more than 0: the disk has no room for that")


def test_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        for k in range(6):
            archive.addfile(member(f"f{k}"), io.BytesIO())
    refused(tmp_path / "m.tar", "over 5 members")


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path):
    info = member("long", type=tarfile.XHDTYPE, size=8 << 30)
    with gzip.open(tmp_path / "m.tar.gz", "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    refused(tmp_path / "m.tar.gz", r"a header of 8589934592 bytes")


@pytest.mark.parametrize("name", ["m.tar.gz", "m.tar", "m.zip", "m.tar.xz"])
def test_damaged_archives(saved, tmp_path, name):
    whole = Path(packed(tmp_path / name, saved)).read_bytes()
    for damaged in (b"", b"no archive", whole[:100], whole[: len(whole) // 2], whole[700:]):
        (tmp_path / name).write_bytes(damaged)
        refused(tmp_path / name, "is damaged|is empty|truncated|saved_model.pb")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

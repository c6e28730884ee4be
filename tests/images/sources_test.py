"""list_images: order, names, laziness, and one clear line for everything that is not there."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc

import pytest
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.images.sources import _Seen, count_images, list_images


@pytest.fixture
def tree(tmp_path):
    files = [
        "b.png",
        "a.JPG",
        "sub/c.webp",
        "sub/deep/d.tif",
        ".hidden.png",
        "notes.txt",
        "x[1].png",
    ]
    for name in files:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "photos"


def names(*specs) -> list[str]:
    listed = [record.name for record in list_images([str(spec) for spec in specs])]
    assert count_images([str(spec) for spec in specs]) == len(listed)
    assert len(set(listed)) == len(listed)
    return listed


def write_records(path, features) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image, label, name in features:
            message = tf.train.Example()
            feature = message.features.feature
            feature["image/encoded"].bytes_list.value.append(image)
            if label is not None:
                feature["image/class/label"].int64_list.value.append(label)
            if name is not None:
                feature["image/filename"].bytes_list.value.append(name)
            writer.write(message.SerializeToString())
    return str(path)


def test_folders_are_searched_sorted_to_any_depth(tree):
    assert names(tree) == ["a.JPG", "b.png", "x[1].png", "sub/c.webp", "sub/deep/d.tif"]


def test_files_and_globs(tree):
    assert names(tree / "b.png") == ["b.png"]
    assert names(tree / "notes.txt") == ["notes.txt"]
    assert names(tree / "*.png") == ["b.png", "x[1].png"]
    assert names(tree / "x[1].png") == ["x[1].png"]
    assert names(tree / "**" / "*.*[fp]") == ["sub/c.webp", "sub/deep/d.tif"]
    assert names(tree / "s*" / "c.webp") == ["sub/c.webp"]


def test_several_specs_are_named_from_their_common_folder(tree):
    other = tree.parent / "other"
    other.mkdir()
    (other / "b.png").write_bytes(b"other b")
    listed = names(tree / "*.png", other)
    assert listed == ["photos/b.png", "photos/x[1].png", "other/b.png"]


def test_a_file_that_is_matched_twice_is_listed_once(tree):
    (tree / "link.png").symlink_to(tree / "b.png")
    assert names(tree / "b.png", tree, tree / "*.png").count("b.png") == 1
    assert "link.png" not in names(tree / "b.png", tree)


def test_read_gives_the_bytes_at_the_time_of_reading(tree):
    record = next(list_images([str(tree / "b.png")]))
    assert record.read() == b"b.png" and record.label is None
    (tree / "b.png").unlink()
    with pytest.raises(UserError, match=r"b\.png: cannot be read: No such file"):
        record.read()


def test_the_list_does_not_depend_on_the_working_folder(tree, monkeypatch):
    monkeypatch.chdir(tree.parent)
    here = names("photos")
    monkeypatch.chdir(tree)
    assert names(".") == here == names(tree)


def test_odd_names_are_escaped(tree):
    (tree / "line\nbreak.png").write_bytes(b"")
    with open(os.fsencode(tree) + b"/stray\xff.png", "wb"):
        pass
    listed = names(tree)
    assert "line\\nbreak.png" in listed and "stray\\xff.png" in listed


def test_package_files_are_found_without_importing(tmp_path):
    assert names("package:matplotlib/mpl-data/sample_data/*.jpg") == ["grace_hopper.jpg"]
    both = names(
        "package:matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "package:skimage/data/",
    )
    assert both[0] == "matplotlib/mpl-data/sample_data/grace_hopper.jpg"
    assert all(name.startswith("skimage/data/") for name in both[1:])
    code = (
        "import sys; from tfinv.images.sources import list_images;"
        "list(list_images(['package:matplotlib/mpl-data/sample_data/*.jpg']));"
        "assert 'matplotlib' not in sys.modules"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("photos/gone.png", "no such file"),
        ("photos/bb.png", "nearest: b.png"),
        ("nowhere/gone.png", "does not exist"),
        ("photos/*.gif", "no file matches"),
        ("empty", "holds no pictures"),
        ("records", "tfrecord"),
        ("fifo.png", "neither a file nor a folder"),
        ("package:no_such_package/a.png", "no package 'no_such_package'"),
        ("package:matplotlib", "inside the package"),
        ("package:matplotlib/../../x.png", "inside the package"),
        ("package:matplotlib.tests/x.png", "no package name"),
        ("package:this/x.png", "single module"),
        ("package:matplotlib/no/such.png", "no such file"),
    ],
)
def test_nothing_found_is_said_at_once(spec, words, tree, monkeypatch):
    monkeypatch.chdir(tree.parent)
    os.mkdir("empty")
    os.mkdir("records")
    os.mkfifo("fifo.png")
    write_records("records/a.tfrecord", [(b"x", None, None)])
    for call in (list_images, count_images):
        with pytest.raises(UserError, match=words) as error:
            call([spec])
        assert "\n" not in str(error.value)


def test_no_spec_at_all():
    with pytest.raises(UserError, match="no images given"):
        list_images(["", " "])


def test_tfrecords(tmp_path):
    path = write_records(
        tmp_path / "a.tfrecord",
        [(b"one", 3, b"cat.jpg"), (b"two", None, None), (b"three", 0, b"cat.jpg")],
    )
    records = list(list_images([path]))
    assert [r.name for r in records] == ["cat.jpg", "record-00001", "a.tfrecord/00002/cat.jpg"]
    assert [r.label for r in records] == [3, None, 0]
    assert [r.read() for r in reversed(records)] == [b"three", b"two", b"one"]


def test_shards_of_tfrecords_have_distinct_names(tmp_path):
    for shard in "ab":
        write_records(tmp_path / f"{shard}.tfrecord", [(shard.encode(), None, None)] * 2)
    listed = names(tmp_path / "*.tfrecord")
    assert listed[:2] == ["record-00000", "record-00001"]
    assert listed[2:] == ["b.tfrecord/00000/record-00000", "b.tfrecord/00001/record-00001"]


def test_a_corrupt_record_fails_alone(tmp_path):
    path = tmp_path / "a.tfrecord"
    write_records(path, [(b"first", 1, b"1"), (b"second", 2, b"2"), (b"third", 3, b"3")])
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"second", b"sEcond"))
    first, second, third = list_images([str(path)])
    assert (first.read(), third.read()) == (b"first", b"third")
    assert second.name == "record-00001"
    with pytest.raises(UserError, match=r"a\.tfrecord: record 1 cannot be read: .*checksum"):
        second.read()


def test_listing_keeps_no_picture_in_memory(tmp_path):
    path = write_records(tmp_path / "a.tfrecord", [(b"x" * 200_000, i, None) for i in range(50)])
    list(list_images([path]))
    tracemalloc.start()
    records = list(list_images([path]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(records) == 50 and peak < 5_000_000


def test_only_empty_tfrecords(tmp_path):
    (tmp_path / "a.tfrecord").write_bytes(b"")
    with pytest.raises(UserError, match="only empty TFRecord"):
        list(list_images([str(tmp_path / "a.tfrecord")]))


def test_a_name_costs_few_bytes():
    seen = _Seen()
    tracemalloc.start()
    for i in range(20_000):
        seen.add(f"a/rather/long/folder/name/that/would/add/up/to/much/{i}.png")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / 20_000 < 150


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

"""The pictures of a run: one by one, of the generator's size, or each with its fault."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from applications import photos
from generators import tiny

from tfinv.applications.pictures import count_drawn, count_pictures, read_pictures
from tfinv.errors import UserError


def records(path, labels) -> str:
    """A TFRecord of one picture for each label; None leaves the label out."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for k, label in enumerate(labels):
            example = tf.train.Example()
            features = example.features.feature
            features["image/encoded"].bytes_list.value.append(photos.png(k))
            features["image/filename"].bytes_list.value.append(f"{k}.png".encode())
            if label is not None:
                features["image/class/label"].int64_list.value.append(label)
            writer.write(example.SerializeToString())
    return str(path)


def test_files_come_in_order_with_their_pixels(tmp_path):
    folder = photos.write(tmp_path, photos.good(3))
    pictures = list(read_pictures(tiny.loaded(), [str(folder)]))
    assert [p.index for p in pictures] == [0, 1, 2]
    assert [p.name for p in pictures] == ["a-0.png", "a-1.png", "a-2.png"]
    for k, picture in enumerate(pictures):
        assert (picture.label, picture.note, picture.fault) == (None, "", "")
        assert picture.pixels.dtype == np.float32
        np.testing.assert_allclose(picture.pixels, photos.pixels(k) / 255, atol=1e-6)
    assert count_pictures([str(folder)]) == 3


@pytest.mark.parametrize("name", photos.bad())
def test_a_bad_file_is_one_picture_with_its_fault(name, tmp_path):
    data, words = photos.bad()[name]
    folder = photos.write(tmp_path, {**photos.good(1), name: data, "z.png": photos.png(5)})
    first, bad, last = read_pictures(tiny.loaded(), [str(folder)])
    assert first.pixels is not None and last.pixels is not None
    assert (bad.index, bad.name, bad.pixels) == (1, name, None)
    assert words in bad.fault and name in bad.fault and "\n" not in bad.fault


@pytest.mark.parametrize("name", photos.odd())
def test_an_odd_file_is_read_and_noted(name, tmp_path):
    data, note = photos.odd()[name]
    folder = photos.write(tmp_path, {name: data})
    [picture] = read_pictures(tiny.loaded(), [str(folder)])
    assert picture.fault == "" and picture.pixels.shape == (8, 8, 3)
    assert picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    assert (note in picture.note) if note else picture.note == ""


def test_a_file_that_goes_away_in_between(tmp_path):
    folder = photos.write(tmp_path, photos.good(3))
    pictures = read_pictures(tiny.loaded(), [str(folder)])
    next(pictures)
    (folder / "a-1.png").unlink()
    faults = [bool(picture.fault) for picture in pictures]
    # Listing is lazy: the file is named with its fault, or was never seen.
    assert faults in ([True, False], [False])


def test_labels_out_of_range_cost_their_picture_alone(tmp_path):
    path = records(tmp_path / "r.tfrecord", [0, 4, 5, -1, None])
    pictures = list(read_pictures(tiny.loaded(conditional=True), [path]))
    assert [p.label for p in pictures] == [0, 4, 5, -1, None]
    assert [p.pixels is not None for p in pictures] == [True, True, False, False, False]
    assert "label 5 is out of range" in pictures[2].fault and "0 to 4" in pictures[2].fault
    assert "label -1" in pictures[3].fault
    assert "--label" in pictures[4].fault


def test_a_damaged_record_is_called_damaged_and_not_unlabelled(tmp_path):
    path = tmp_path / "r.tfrecord"
    records(path, [0])
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    [picture] = read_pictures(tiny.loaded(conditional=True), [str(path)])
    assert picture.pixels is None and "checksum" in picture.fault


def test_a_label_given_is_for_those_without_their_own(tmp_path):
    path = records(tmp_path / "r.tfrecord", [0, None])
    pictures = list(read_pictures(tiny.loaded(conditional=True), [path], label=3))
    assert [(p.label, p.fault) for p in pictures] == [(0, ""), (3, "")]


def test_an_unconditional_generator_takes_pictures_of_any_label(tmp_path):
    path = records(tmp_path / "r.tfrecord", [999])
    [picture] = read_pictures(tiny.loaded(), [path])
    assert picture.pixels is not None and picture.label == 999


def test_samples_are_what_the_generator_draws(tmp_path):
    generator = tiny.loaded(conditional=True)
    folder = photos.write(tmp_path, photos.good(1))
    specs = ["sample:3", str(folder)]
    file, *samples = read_pictures(generator, specs, label=1, seed=2)
    assert file.name == "a-0.png" and [p.index for p in samples] == [1, 2, 3]
    assert len({p.name for p in samples}) == 3 and count_pictures(specs) == 4
    assert {p.label for p in samples} <= set(range(tiny.CLASSES))
    again = list(read_pictures(generator, ["sample:2"], seed=2))
    np.testing.assert_array_equal(again[1].pixels, samples[1].pixels)
    other = next(read_pictures(generator, ["sample:1"], seed=3))
    assert not np.array_equal(other.pixels, samples[0].pixels)


def test_noise_is_uniform_in_every_pixel_and_each_its_own():
    generator = tiny.loaded()
    noise = list(read_pictures(generator, ["noise:100"], seed=1))
    pixels = np.stack([p.pixels for p in noise])
    assert pixels.dtype == np.float32 and [p.index for p in noise] == list(range(100))
    # Moments of the uniform distribution, within five standard errors.
    flat = pixels.reshape(100, -1)
    assert abs(flat.mean() - 0.5) < 5 / np.sqrt(12 * flat.size)
    assert abs(flat.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / flat.size)
    assert np.abs(np.corrcoef(flat) - np.eye(100)).max() < 0.5
    some = read_pictures(generator, ["noise:100"], seed=1, is_done=lambda k, name: k != 70)
    np.testing.assert_array_equal(next(some).pixels, pixels[70])


def test_noise_comes_after_samples_and_has_a_label_where_one_is_needed():
    generator = tiny.loaded(conditional=True)
    drawn = list(read_pictures(generator, ["noise:2", "sample:1"], label=3))
    names = [(p.index, p.name) for p in drawn]
    assert names == [(0, "sample-00000"), (1, "noise-00000"), (2, "noise-00001")]
    assert [p.label for p in drawn[1:]] == [3, 3]
    free = read_pictures(generator, ["noise:20"])
    assert {p.label for p in free} == set(range(tiny.CLASSES))
    assert count_pictures(["noise:2", "sample:1"]) == 3
    assert count_drawn(["noise:2", "sample:1"]) == 1


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (["noise:0"], "noise:8"),
        (["noise:2", "noise:2"], "given twice"),
        (["sample:0"], "sample:8"),
        (["sample:x"], "sample:x is not understood"),
        (["sample:-1"], "sample:-1"),
        (["sample:2", "sample:3"], "given twice"),
        (["/nowhere/at/all.png"], "/nowhere/at"),
        ([], "no images"),
        ([""], "no images"),
    ],
)
def test_specs_that_match_nothing(specs, words):
    with pytest.raises(UserError) as raised:
        count_pictures(specs)
    assert words in str(raised.value) and "\n" not in str(raised.value)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

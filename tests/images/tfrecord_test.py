"""TFRecords against TensorFlow's own writer, and what damage does and does not cost."""

from __future__ import annotations

import struct
import sys

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.errors import UserError
from tfinv.images import tfrecord
from tfinv.images.crc32c import crc32c, masked_crc32c


def bytewise_crc(data: bytes) -> int:
    """The definition: divide by the polynomial, bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def write(path, records) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def example(**features) -> bytes:
    """An Example; values are bytes, ints or floats, `__` in a key stands for a slash."""
    message = tf.train.Example()
    for key, value in features.items():
        feature = message.features.feature[key.replace("__", "/")]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return message.SerializeToString()


def test_crc_check_value():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720's polynomial; the standard check value
    assert crc32c(b"") == 0


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=700))
def test_crc_against_bitwise_division(data):
    assert crc32c(data) == bytewise_crc(data)


@pytest.mark.parametrize("size", [63, 64, 65, 4095, 4096, 4097, 50_000, 123_457])
def test_crc_against_tensorflow_for_long_records(size, tmp_path):
    data = bytes(i * i % 251 for i in range(size))
    path = write(tmp_path / "a.tfrecord", [data])
    with open(path, "rb") as file:
        raw = file.read()
    assert struct.unpack("<I", raw[-4:])[0] == masked_crc32c(data)
    assert [frame.data for _, frame in tfrecord.read_frames(path)] == [data]


def test_offsets_reread_single_records(tmp_path):
    records = [b"", b"a", b"bc" * 500, b"d" * 63]
    path = write(tmp_path / "a.tfrecord", records)
    for offset, frame in tfrecord.read_frames(path):
        _, again = next(tfrecord.read_frames(path, offset, frame.index))
        assert again == frame and again.data == records[frame.index]
    assert tfrecord.count_records(path) == 4


def test_a_bad_checksum_costs_one_record(tmp_path):
    path = tmp_path / "a.tfrecord"
    write(path, [b"first", b"second", b"third"])
    raw = bytearray(path.read_bytes())
    raw[12 + 5 + 4 + 12] ^= 1
    path.write_bytes(raw)
    frames = [frame for _, frame in tfrecord.read_frames(str(path))]
    assert [frame.data for frame in frames] == [b"first", b"", b"third"]
    assert "checksum" in frames[1].problem and not frames[2].problem
    assert tfrecord.count_records(str(path)) == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 61))
def test_a_cut_file_keeps_its_whole_records(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "a.tfrecord"
    write(path, [b"first" * 3, b"other" * 3])
    raw = path.read_bytes()
    path.write_bytes(raw[:-cut])
    frames = [frame for _, frame in tfrecord.read_frames(str(path))]
    left = len(raw) - cut
    size = 12 + 15 + 4
    good = [frame.data for frame in frames if not frame.problem]
    assert good == [b"first" * 3][: left // size]
    assert len(frames) == len(good) + (left % size > 0)
    assert tfrecord.count_records(str(path)) == len(frames)


def test_what_is_no_tfrecord(tmp_path):
    import gzip

    for content, word in [
        (b"hello, I am text and long enough", "no TFRecord"),
        (gzip.compress(b"x" * 50), "gunzip"),
        (b"abc", "cut short"),
    ]:
        path = tmp_path / "a.tfrecord"
        path.write_bytes(content)
        [(_, frame)] = tfrecord.read_frames(str(path))
        assert word in frame.problem
    with pytest.raises(UserError, match="cannot be read"):
        list(tfrecord.read_frames(str(tmp_path / "gone.tfrecord")))


def test_examples():
    full = example(image__encoded=b"P", image__class__label=7, image__filename="ñ.jpg".encode())
    assert tfrecord.parse_example(full) == tfrecord.Example(b"P", 7, "ñ.jpg")
    bare = example(image__encoded=b"P")
    assert tfrecord.parse_example(bare) == tfrecord.Example(b"P", None, None)
    for data, word in [
        (example(jpeg=b"P"), r"image/encoded.*jpeg"),
        (example(image__encoded=3), "image/encoded"),
        (example(image__encoded=b"P", image__class__label=1.5), "int64"),
        (b"\xff\xff\xff", "not a tf.train.Example"),
    ]:
        with pytest.raises(UserError, match=word):
            tfrecord.parse_example(data)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

"""decode: every kind of picture becomes RGB bytes, everything else one clear line."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tfinv.errors import UserError
from tfinv.images import decode as decode_module
from tfinv.images.decode import decode

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
pictures = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 255),
)


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG written from the specification, for what Pillow cannot write."""

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    packed = zlib.compress(rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


@settings(max_examples=40, deadline=None)
@given(pictures, st.sampled_from(["PNG", "BMP", "TIFF", "WEBP"]))
def test_lossless_formats_give_the_pixels_back(pixels, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decode(encode(pixels, kind, **options), "x"), pixels)


@settings(max_examples=20, deadline=None)
@given(pictures)
def test_grey_and_palette(pixels):
    grey = pixels[:, :, 0]
    np.testing.assert_array_equal(decode(encode(grey), "x"), np.repeat(grey[..., None], 3, 2))
    few = Image.fromarray(pixels).quantize(16)
    want = np.asarray(few.convert("RGB"))
    for kind in ("PNG", "GIF"):
        np.testing.assert_array_equal(decode(encode(few, kind), "x"), want)


@settings(max_examples=20, deadline=None)
@given(pictures, st.integers(0, 255))
def test_transparency_is_composited_over_white(pixels, alpha):
    opacity = np.full((*pixels.shape[:2], 1), alpha, np.uint8)
    want = pixels * (alpha / 255) + 255 * (1 - alpha / 255)
    got = decode(encode(np.concatenate([pixels, opacity], 2)), "x")
    assert np.abs(got - want).max() <= 1
    got = decode(encode(np.concatenate([pixels[:, :, :1], opacity], 2)), "x")
    assert np.abs(got - np.repeat(want[:, :, :1], 3, 2)).max() <= 1


def test_a_transparent_palette_entry_is_white():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    got = decode(encode(image, "PNG", transparency=0), "x")
    assert got.tolist() == [[[255, 255, 255], [0, 255, 0]]]


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.array([[0, 128, 257, 1000, 32768, 65535]], np.uint16)
    want = np.rint(values / 257).astype(np.uint8)
    for kind in ("PNG", "TIFF"):
        assert decode(encode(Image.fromarray(values), kind), "x")[..., 1].tolist() == want.tolist()
    rows = b"\0" + np.repeat(values.ravel(), 3).astype(">u2").tobytes()
    assert np.abs(decode(png(6, 1, 16, 2, rows), "x")[..., 0] - (values / 257)).max() < 1


def test_cmyk_jpeg():
    ink = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    got = decode(encode(ink, "JPEG", quality=95), "x").astype(int)
    assert np.abs(got - [0, 255, 255]).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    want = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1),
        7: np.rot90(RGB, 2).transpose(1, 0, 2),
        8: np.rot90(RGB),
    }[orientation]
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(decode(encode(RGB, kind, exif=exif), "x"), want)


def test_a_broken_exif_block_does_not_cost_the_picture():
    data = encode(RGB, "JPEG", exif=b"Exif\0\0not a TIFF header at all")
    assert decode(data, "x").shape == RGB.shape


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(np.full((4, 4), v, np.uint8)) for v in (10, 200)]
    for kind in ("GIF", "PNG", "TIFF"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert (decode(data, "x") == 10).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "zero bytes"),
        (b"just some text\nmore", "text file that begins 'just some text'"),
        (bytes(range(100, 200)) + b"\0" * 50, "unknown format"),
        (b"\x89PNG\r\n", "PNG is damaged"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, "JPEG is damaged"),
        (encode(Image.new("F", (3, 3)), "TIFF"), "32-bit float"),
        (encode(Image.new("I", (3, 3)), "TIFF"), "32-bit integer"),
        (encode(Image.new("LAB", (3, 3)), "TIFF"), "CIELAB"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(data, words):
    with pytest.raises(UserError) as error:
        decode(data, "folder/cat.png")
    message = str(error.value)
    assert message.startswith("folder/cat.png: ") and words in message and "\n" not in message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind, share):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(noise, kind)
    with pytest.raises(UserError, match="damaged or cut short"):
        decode(data[: int(len(data) * share)], "x")


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"]))
def test_damaged_bytes_give_a_picture_or_a_user_error(data, kind):
    raw = bytearray(encode(RGB, kind))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(raw), "x")
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_a_bomb_is_refused_by_its_declared_size(side, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("a pixel was decoded"))
    with pytest.raises(UserError, match="100 million pixels"):
        decode(png(side, side, 8, 0, b""), "x")


def test_the_limit_itself_is_allowed(monkeypatch):
    monkeypatch.setattr(decode_module, "MAX_PIXELS", RGB.shape[0] * RGB.shape[1])
    np.testing.assert_array_equal(decode(encode(RGB), "x"), RGB)
    monkeypatch.setattr(decode_module, "MAX_PIXELS", RGB.shape[0] * RGB.shape[1] - 1)
    with pytest.raises(UserError, match="7x5"):
        decode(encode(RGB), "x")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

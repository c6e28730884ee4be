"""Bytes of a picture file to pixels, with everything strange either handled or refused in one line.

Pixel values are taken as sRGB as they stand in the file; colour profiles are not applied.
"""

from __future__ import annotations

import io
import threading
import warnings

import numpy as np
from PIL import Image

from tfinv.errors import UserError

__all__ = ["FORMATS", "MAX_PIXELS", "decode"]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""The formats that are read; of those that hold several pictures, the first."""

MAX_PIXELS = 100_000_000
"""Declared sizes above this are refused before a pixel is decoded (a decompression bomb)."""

_SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"RIFF": "WEBP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_READABLE = "PNG, JPEG, BMP, GIF, WebP or TIFF"

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TIFF_BITS_PER_SAMPLE = 258
_TIFF_PHOTOMETRIC = 262

# warnings.catch_warnings changes state of the whole process, so two threads must not be in it.
_open_lock = threading.Lock()


def decode(data: bytes, name: str, under: int = 255) -> np.ndarray:
    """Decodes one picture file.

    Greyscale and palette pictures become RGB; transparency is composited over `under`; CMYK is
    converted by the plain formula (no colour profile); 16-bit channels are scaled to 8 bits, not
    clipped; EXIF orientation is applied; of an animation the first frame is taken.

    Args:
      data: the file's bytes.
      name: what to call the picture in an error message.
      under: the grey behind what is transparent, in [0, 255]; 255 is white.

    Returns:
      uint8 [H, W, 3], in [0, 255], owned by the caller.

    Raises:
      UserError: if the bytes are none, no picture, cut short, damaged, of a pixel type without an
        agreed range, or declare more than `MAX_PIXELS`.
    """
    if not data:
        raise UserError(f"{name}: the file is empty (zero bytes); replace it with a picture")
    image = _open(data, name)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width}x{height}")
    try:
        image.load()
        image = _upright(image)
        rgb = _to_rgb(image, name, under)
    except UserError:
        raise
    # Pillow's decoders let struct.error, ValueError, IndexError and more out of damaged files.
    except Exception as error:
        raise _damaged(name, image.format, len(data), error) from error
    return np.array(rgb, np.uint8)


def _open(data: bytes, name: str) -> Image.Image:
    """Reads the header only: the format and the declared size."""
    with _open_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_large(name, "its header") from error
        except Image.UnidentifiedImageError as error:
            raise _unidentified(name, data) from error
        except Exception as error:
            raise _damaged(name, _signature(data), len(data), error) from error


def _upright(image: Image.Image) -> Image.Image:
    """Applies the EXIF orientation; a broken EXIF block is no reason to refuse the pixels."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG)
        turn = _TURNS.get(orientation)
    except Exception:
        return image
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.format = image.format
    return turned


def _to_rgb(image: Image.Image, name: str, under: int) -> Image.Image | np.ndarray:
    """Converts any mode that Pillow yields to RGB."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return _grey16(image)
    if image.mode in ("I", "F"):
        kind = "32-bit float" if image.mode == "F" else "signed or 32-bit integer"
        raise UserError(
            f"{name}: {kind} pixels have no agreed range; save it with 8 or 16 bits a channel"
        )
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        behind = Image.new("RGBA", rgba.size, (under, under, under, 255))
        return Image.alpha_composite(behind, rgba).convert("RGB")
    if image.mode == "LAB":
        raise UserError(f"{name}: CIELAB pixels are not read; save the picture as RGB")
    return image.convert("RGB")


def _grey16(image: Image.Image) -> np.ndarray:
    """Scales more than 8 bits of grey to 8; Pillow's own conversion would clip at 255."""
    values = np.asarray(image).astype(np.float64)
    bits, white_is_zero = 16, False
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(_TIFF_BITS_PER_SAMPLE, (16,))[0]
        white_is_zero = tags.get(_TIFF_PHOTOMETRIC) == 0
    grey = np.rint(np.clip(values / (2.0**bits - 1), 0, 1) * 255).astype(np.uint8)
    if white_is_zero:
        grey = 255 - grey
    return np.repeat(grey[:, :, None], 3, axis=2)


def _signature(data: bytes) -> str | None:
    """The format that the first bytes promise, or None."""
    return next((kind for magic, kind in _SIGNATURES.items() if data.startswith(magic)), None)


def _too_large(name: str, size: str) -> UserError:
    limit = f"{MAX_PIXELS // 1_000_000} million pixels"
    return UserError(f"{name}: {size} declares more than {limit}; make the picture smaller first")


def _damaged(name: str, kind: str | None, size: int, error: Exception) -> UserError:
    why = " ".join(str(error).split()) or type(error).__name__
    return UserError(
        f"{name}: the {kind or 'picture'} is damaged or cut short after {size} bytes ({why}); "
        "replace the file"
    )


def _unidentified(name: str, data: bytes) -> UserError:
    kind = _signature(data)
    if kind is not None:
        return _damaged(name, kind, len(data), ValueError("its header cannot be read"))
    seen = "an unknown format"
    start = data[:64]
    if b"\0" not in start:
        text = start.decode("utf-8", "replace").split("\n")[0].strip()[:32]
        if text.isprintable() and "\ufffd" not in text:
            seen = f"a text file that begins {text!r}"
    return UserError(f"{name}: not a picture but {seen}; give it as {_READABLE}")

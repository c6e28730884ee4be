"""CRC-32C (Castagnoli), the checksum of TFRecord files, in numpy.

A byte-by-byte loop in Python would take longer over a photograph than reading it. The checksum is
linear over GF(2), so the bytes are cut into lanes that advance side by side, and the lanes are
joined by the operator "append n zero bytes", whose tables double from one another.
"""

from __future__ import annotations

import functools

import numpy as np

__all__ = ["crc32c", "masked_crc32c"]

_POLYNOMIAL = 0x82F63B78
_FULL = 0xFFFFFFFF
_SHORT = 64
_MASK_DELTA = 0xA282EAD8


def crc32c(data: bytes) -> int:
    """Computes the checksum of some bytes (RFC 3720, appendix B.4).

    Args:
      data: any number of bytes.

    Returns:
      The checksum, in [0, 2**32).
    """
    if len(data) < _SHORT:
        table = _byte_table_list()
        state = _FULL
        for byte in data:
            state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
        return state ^ _FULL
    log_lane = max(3, (len(data).bit_length() - 1) // 2 - 1)
    lanes = 1 << (-(-len(data) >> log_lane) - 1).bit_length()
    # Zeros in front of a zero register change nothing, so the padding goes there; the register's
    # usual start of all ones is the same as inverting the first four bytes.
    padded = np.zeros(lanes << log_lane, np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 0xFF
    columns = np.ascontiguousarray(padded.reshape(lanes, -1).T).astype(np.uint32)
    table = _byte_table()
    state = np.zeros(lanes, np.uint32)
    for column in columns:
        state = table[(state ^ column) & 0xFF] ^ (state >> 8)
    while len(state) > 1:
        state = _apply(_append_zeros(log_lane), state[0::2]) ^ state[1::2]
        log_lane += 1
    return int(state[0]) ^ _FULL


def masked_crc32c(data: bytes) -> int:
    """Computes the checksum as a TFRecord file stores it: rotated by 15 bits, plus a constant."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _FULL


@functools.cache
def _byte_table() -> np.ndarray:
    """The register after one byte, uint32 [256]."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return table


@functools.cache
def _byte_table_list() -> list[int]:
    return [int(value) for value in _byte_table()]


@functools.cache
def _append_zeros(log_count: int) -> np.ndarray:
    """What 2**log_count zero bytes do to each byte of the register, uint32 [4, 256]."""
    if log_count == 0:
        states = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32))[:, None]
        return _byte_table()[states & 0xFF] ^ (states >> 8)
    half = _append_zeros(log_count - 1)
    return _apply(half, half)


def _apply(tables: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Applies an operator given by its tables to every register."""
    return (
        tables[0][state & 0xFF]
        ^ tables[1][(state >> 8) & 0xFF]
        ^ tables[2][(state >> 16) & 0xFF]
        ^ tables[3][state >> 24]
    )

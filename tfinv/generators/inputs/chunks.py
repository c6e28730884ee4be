"""How a graph cuts its latent into pieces.

BigGAN's z is hierarchical: the first piece feeds the dense layer, each other one the batch norms of
one block (Brock et al., 2018, section 4.2).
"""

from __future__ import annotations

import itertools

import numpy as np

from tfinv.graph import ops
from tfinv.graph.facts import RENAMING, Facts
from tfinv.graph.model import NodeDef
from tfinv.graph.walk import canonical

__all__ = ["find_chunks"]

Piece = tuple[int, int]


def find_chunks(facts: Facts, latent: str, size: int) -> list[Piece]:
    """The pieces that a latent is cut into by splits, slices and unstacking.

    Args:
      facts: of the graph.
      latent: its tensor, [N, size].
      size: length of z.

    Returns:
      (start, stop) of each piece, in order; together they are all of z. [(0, size)] if something
      reads z as a whole, or what is cut does not make up all of it.
    """
    pieces = sorted(set(_Walk(facts).pieces(latent, (0, size), None)))
    ends = [0, *(stop for _, stop in pieces)]
    if [start for start, _ in pieces] != ends[:-1] or ends[-1] != size:
        return [(0, size)]
    return pieces


class _Walk:
    def __init__(self, facts: Facts):
        self._facts = facts

    def pieces(self, tensor: str, piece: Piece, width: int | None) -> list[Piece]:
        """What is read of a tensor that holds a piece of z.

        Args:
          tensor: [N, k], or [N, k / width, width] after a Reshape.
          piece: of z.
          width: of the last axis where there are three; None where there are two.
        """
        found: list[Piece] = []
        for node, place in self._facts.readers(tensor):
            if not ops.reads_values(node):
                continue
            parts = self._parts(node, place, piece, width)
            if parts is None:
                found.append(piece)
                continue
            for name, part, inner in parts:
                found += self.pieces(name, part, inner)
        return found if found or tensor != self._facts.output else [piece]

    def _parts(
        self, node: NodeDef, place: int, piece: Piece, width: int | None
    ) -> list[tuple[str, Piece, int | None]] | None:
        """The tensors that a node makes by taking a piece apart; None if it reads the piece."""
        start, stop = piece
        step = 1 if width is None else width
        count = (stop - start) // step
        if place == 0 and node.op in RENAMING:
            return [(canonical(node.name), piece, width)]
        if place == 0 and node.op in ("Reshape", "Squeeze", "ExpandDims"):
            return self._reshaped(node, piece, width)
        edges = self._edges(node, place, count)
        if edges is None:
            return None
        makes_vector = node.op == "Unpack" or (
            node.op == "StridedSlice" and ops.attribute(node, "shrink_axis_mask") & 2
        )
        return [
            (
                f"{node.name}:{k}",
                (start + a * step, start + b * step),
                None if makes_vector else width,
            )
            for k, (a, b) in enumerate(edges)
        ]

    def _reshaped(self, node: NodeDef, piece: Piece, width: int | None):
        shape = self._facts.constant(node.input[1]) if node.op == "Reshape" else None
        if shape is None or len(shape) not in (2, 3):
            return None
        length, name = piece[1] - piece[0], canonical(node.name)
        if len(shape) == 2 and shape[1] in (length, -1):
            return [(name, piece, None)]
        inner = int(shape[2]) if len(shape) == 3 else 0
        if inner > 0 and length % inner == 0 and shape[1] in (length // inner, -1):
            return [(name, piece, inner)] if width in (None, inner) else None
        return None

    def _edges(self, node: NodeDef, place: int, count: int) -> list[Piece] | None:
        """What a node takes along axis 1, which has `count` entries."""
        given = [self._facts.constant(name) for name in node.input]
        if node.op == "Split" and place == 1 and _is_one(given[0]):
            pieces = ops.attribute(node, "num_split")
            return _cut(np.full(pieces, count // pieces), count)
        if node.op == "SplitV" and place == 0 and given[1] is not None and _is_one(given[2]):
            return _cut(given[1], count)
        if node.op == "Unpack" and ops.attribute(node, "axis") == 1:
            return _cut(np.ones(count, int), count)
        if node.op == "Slice" and place == 0 and given[1] is not None and given[2] is not None:
            first, taken = int(given[1][1]), int(given[2][1])
            return [(first, count if taken < 0 else first + taken)]
        if node.op == "StridedSlice" and place == 0 and None not in map(_size, given[1:]):
            return _strided(node, count, *given[1:])
        return None


def _size(value: np.ndarray | None) -> int | None:
    return None if value is None else value.size


def _is_one(axis: np.ndarray | None) -> bool:
    return axis is not None and int(axis) == 1


def _cut(sizes: np.ndarray, count: int) -> list[Piece] | None:
    sizes = np.where(sizes < 0, count - sizes[sizes >= 0].sum(), sizes)
    ends = np.cumsum([0, *sizes]).tolist()
    return list(itertools.pairwise(ends)) if ends[-1] == count else None


def _strided(node: NodeDef, count: int, begin, end, strides) -> list[Piece] | None:
    """z[:, a:b] and z[:, k]; None for anything more elaborate."""
    keys = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    masks = {key: ops.attribute(node, f"{key}_mask") for key in keys}
    if masks["ellipsis"] or masks["new_axis"] or masks["shrink_axis"] & ~2:
        return None
    if len(begin) < 2 or (strides != 1).any() or not masks["begin"] & masks["end"] & 1:
        return None
    if len(begin) > 2 and not all(masks[key] >> k & 1 for key in ("begin", "end") for k in (2,)):
        return None
    first = None if masks["begin"] & 2 else int(begin[1])
    last = None if masks["end"] & 2 else int(end[1])
    if masks["shrink_axis"] & 2:
        last = first + 1 or None
    first, last, _ = slice(first, last).indices(count)
    return [(first, last)]

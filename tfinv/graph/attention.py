"""Where a graph attends: softmaxes over positions that weigh what depends on the latent.

A self-attention block (Zhang et al., "Self-Attention Generative Adversarial Networks", 2019;
thesis, section 6.1.1) computes `softmax(q k^T) v`: entry (i, j) is how much position i takes from
position j. Its softmax is told from others by structure:

- its result is an operand of a matrix product whose other operand, the values, depends on the
  latent (class weights that are multiplied by a constant table do not pass);
- both sides of it are positions of a map of the picture. That is asked of the graph itself, see
  `tfinv.graph.positions`: attention between channels, say, does not pass.

Keys may be pooled to a coarser grid than queries (BigGAN's are, to a quarter), there may be several
heads, and reshapes and transposes may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tfinv.graph.model import GraphModel
from tfinv.graph.plan import Step
from tfinv.graph.positions import Grid, Logits, Probe, grid_of_proportions
from tfinv.graph.structure import Structure

__all__ = ["AttentionMap", "find_attention"]

_PRODUCTS = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"})


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """One attention map of a graph.

    Attributes:
      name: the tensor, "node:k"; its last axis, the keys, sums to one.
      shape: its shape without the batch.
      heads: those of its axes, without the batch, that tell heads apart.
      queries: where on the picture its N queries are.
      keys: likewise its M keys; a grid as fine or coarser.
    """

    name: str
    shape: tuple[int, ...]
    heads: tuple[int, ...]
    queries: Grid
    keys: Grid

    def matrix(self, values: np.ndarray) -> np.ndarray:
        """The map of one picture with both grids in reading order, heads averaged.

        Args:
          values: float [*shape].

        Returns:
          float32 [N, M], a row a query; rows sum to one, as they do in `values`.
        """
        if self.heads:
            values = values.mean(self.heads)
        flat = np.asarray(values, np.float32).reshape(-1, self.shape[-1])
        return flat[self.queries.order][:, self.keys.order]


def find_attention(
    model: GraphModel,
    latent: str,
    output: str,
    size: tuple[int, int],
    constants: Mapping[str, np.ndarray | float] | None = None,
) -> list[AttentionMap]:
    """Lists the attention maps of a graph, in the order in which it computes them.

    Args:
      model: the graph.
      latent: the tensor of the latent.
      output: the tensor of the picture.
      size: height and width of the picture. Where no convolution, pooling or the like stands in
        front of an attention block, and it has as many keys as queries, these are taken for a grid
        of these proportions, in reading order.
      constants: values of inputs that do not change from picture to picture.

    Raises:
      UserError: as `tfinv.graph.layers.cuttable_layers`.
    """
    structure = Structure(model, latent, output, constants)
    probe = Probe(model, structure, constants)
    found = []
    for step in structure.steps:
        logits = _logits(structure, probe.producers, step)
        name = step.outputs[0]
        if logits is None or not _weighs_values(structure, name):
            continue
        placed = _places(structure, probe, logits, size)
        if placed is not None:
            found.append(AttentionMap(name, structure.shapes[name], *placed))
    return found


def _logits(structure: Structure, producers: Mapping[str, Step], step: Step) -> Logits | None:
    """What a softmax over the last axis of an array [N, ..., M] reads; None if a step is none."""
    shape = structure.shapes.get(step.outputs[0], ())
    if len(shape) < 2:
        return None
    tensor = _read_by_softmax(structure, producers, step)
    if tensor is None or structure.shapes.get(tensor) != shape:
        return None
    for product in _upwards(structure, producers, tensor):
        if product.node.op in _PRODUCTS and len(structure.carried(product)) == 2:
            return Logits(tensor, tuple(product.inputs[:2]))
    return None


def _read_by_softmax(structure: Structure, producers: Mapping[str, Step], step: Step) -> str | None:
    """The logits of a Softmax, or of one that is written out: exp(x) / sum(exp(x))."""
    if step.node.op == "Softmax":
        return step.inputs[0]
    if step.node.op != "RealDiv":
        return None
    above, below = (producers.get(tensor) for tensor in step.inputs)
    if above is None or below is None or (above.node.op, below.node.op) != ("Exp", "Sum"):
        return None
    shape = structure.shapes[step.outputs[0]]
    one_a_row = (*shape[:-1], 1)
    if below.inputs[0] != step.inputs[0] or structure.shapes.get(below.outputs[0]) != one_a_row:
        return None
    shifted = producers.get(above.inputs[0])
    if shifted is None or shifted.node.op != "Sub":
        return above.inputs[0]
    # The row's largest is mostly taken off, against overflow.
    largest = structure.shapes.get(shifted.inputs[1]) == one_a_row
    return shifted.inputs[0] if largest else above.inputs[0]


def _upwards(structure: Structure, producers: Mapping[str, Step], tensor: str) -> Iterator[Step]:
    """The steps that a tensor grows from, nearest first, up to where things are combined."""
    queue, seen = [tensor], {tensor}
    for name in queue:  # grows on the way
        step = producers.get(name)
        if step is None:
            continue
        yield step
        if step.node.op not in _PRODUCTS:
            more = [t for t in structure.trunk_inputs(step) if t not in seen]
            queue += more
            seen.update(more)


def _weighs_values(structure: Structure, weights: str) -> bool:
    """Whether a tensor is multiplied, as a matrix, by something else that the latent is in."""
    queue = [weights]
    for name in queue:  # grows on the way
        for reader in structure.readers(name):
            if reader.node.op in _PRODUCTS and len({*structure.carried(reader)}) == 2:
                return True
            if structure.is_linear(reader):
                queue.append(reader.outputs[0])
    return False


def _places(
    structure: Structure, probe: Probe, logits: Logits, size: tuple[int, int]
) -> tuple[tuple[int, ...], Grid, Grid] | None:
    """Heads, queries and keys of a map; None if a side of it is no grid of positions."""
    sides = [side for side in (probe.side(logits, t) for t in logits.operands) if side is not None]
    if not sides:
        return _by_proportions(structure.shapes[logits.tensor], size)
    asked = next((side for side in sides if side.queries is not None), None)
    keys = next((side.keys for side in sides if side.keys is not None), None)
    if asked is None or keys is None:
        return None
    queries = asked.queries
    finer = keys.height > queries.height or keys.width > queries.width
    return None if finer else (asked.heads, queries, keys)


def _by_proportions(
    shape: tuple[int, ...], size: tuple[int, int]
) -> tuple[tuple[int, ...], Grid, Grid] | None:
    """As `_places`, where nothing can be asked: [N, N] or [heads, N, N], as Transformers have."""
    grid = grid_of_proportions(shape[-1], size)
    if grid is None or shape[-2] != shape[-1]:
        return None  # keys that are not the positions could be anything, such as pieces of z
    return tuple(range(len(shape) - 2)), grid, grid

"""How a graph cuts its latent into pieces.

BigGAN's z is hierarchical: the first piece feeds the dense layer, each other one the batch norms of
one block (Brock et al., 2018, section 4.2).
"""

from __future__ import annotations

from tfinv.graph import ops
from tfinv.graph.columns import trace_columns
from tfinv.graph.facts import Facts
from tfinv.graph.plan import Step
from tfinv.graph.walk import data_inputs

__all__ = ["find_chunks"]


def find_chunks(facts: Facts, latent: str, size: int) -> list[tuple[int, int]]:
    """The pieces that a latent is cut into by splits, slices, unstacking and the like.

    Args:
      facts: of the graph.
      latent: its tensor, [N, size].
      size: length of z.

    Returns:
      (start, stop) of each piece, in order; together they are all of z. [(0, size)] if something
      reads z as a whole, or what is cut does not make up all of it.
    """
    steps = (
        Step(
            node,
            tuple(data_inputs(node)),
            tuple(f"{name}:{k}" for k in range(len(ops.output_types(node)))),
        )
        for name, node in facts.model.nodes.items()
        if facts.is_needed(name)
    )
    read = trace_columns(steps, latent, size, facts.constant, [facts.output])
    if any(columns.size != columns[-1] + 1 - columns[0] for columns in read):
        return [(0, size)]
    pieces = sorted({(int(columns[0]), int(columns[-1]) + 1) for columns in read})
    ends = [0, *(stop for _, stop in pieces)]
    if [start for start, _ in pieces] != ends[:-1] or ends[-1] != size:
        return [(0, size)]
    return pieces

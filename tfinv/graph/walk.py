"""Pure helpers on the names of a graph: no values, no shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from tfinv.errors import UserError
from tfinv.graph.model import NodeDef, split_tensor_name

__all__ = [
    "ancestors",
    "canonical",
    "data_inputs",
    "topological_order",
]


def canonical(tensor: str) -> str:
    """Returns the spelling of a tensor's name that is used inside: always "node:k"."""
    node, index = split_tensor_name(tensor)
    return f"{node}:{index}"


def data_inputs(node: NodeDef) -> list[str]:
    """Returns the tensors that a node reads, as "node:k", in order."""
    return [canonical(name) for name in node.input]


def topological_order(
    nodes: Mapping[str, NodeDef], outputs: Iterable[str], fed: Collection[str] = ()
) -> list[str]:
    """Returns the names of the nodes that the outputs need, each after everything it reads.

    Args:
      nodes: the graph, by name.
      outputs: tensors, "node" or "node:k".
      fed: tensors "node:k" whose value is given, so that nothing behind them is needed. Another
        output of the same node still is.

    Raises:
      UserError: a name stands for no node, or the graph has a loop.
    """
    order: list[str] = []
    entered: set[str] = set()
    done: set[str] = set()
    stack = [(split_tensor_name(name)[0], False) for name in outputs if canonical(name) not in fed]
    stack.reverse()
    while stack:
        name, leaving = stack.pop()
        if leaving:
            done.add(name)
            order.append(name)
            continue
        if name in entered:
            continue
        if name not in nodes:
            raise UserError(f"the graph has no node {name!r}: check the name, or export again")
        entered.add(name)
        stack.append((name, True))
        before = [split_tensor_name(t)[0] for t in data_inputs(nodes[name]) if t not in fed]
        for other in reversed(before):
            if other not in entered:
                stack.append((other, False))
            elif other not in done:
                raise UserError(
                    f"the graph has a loop through {other!r} ({nodes[other].op}): while loops "
                    "cannot be cut; export the generator with its loops unrolled"
                )
    return order


def ancestors(inputs: Callable[[str], Iterable[str]], targets: Iterable[str]) -> set[str]:
    """Returns everything that the targets depend on, targets included."""
    found: set[str] = set()
    stack = list(targets)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(inputs(name))
    return found

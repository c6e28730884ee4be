"""Which tensor of a network a person means by a layer's name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence

from tfinv.errors import UserError
from tfinv.graph import ops, walk
from tfinv.graph.model import GraphModel, split_tensor_name
from tfinv.graph.plan import LIVE, UNUSED, Plan

__all__ = ["OUTPUT", "Names", "carried_tensors"]

OUTPUT = "output"
"""Means a network's only output, whatever that is called."""

_LISTED = 8


def carried_tensors(plan: Plan) -> list[str]:
    """The tensors that carry the values of what is fed live, and that anything reads.

    Returns:
      "node:k" each, in the order in which they are computed.
    """
    carrying, found = set(plan.fed[LIVE]), []
    read = set(plan.outputs)
    for step in plan.steps[LIVE]:
        if ops.reads_values(step.node) and carrying.intersection(step.inputs):
            read.update(step.inputs)
            outputs = [name for name in step.outputs if name != UNUSED]
            carrying.update(outputs)
            found.extend(outputs)
    return [name for name in found if name in read]


class Names:
    """The names of a network's layers.

    A layer is named by a tensor or node ("D/8x8/Conv1/Maximum:0"); by a scope, which means the
    last tensor in it ("D/8x8/Conv1": the activation, behind convolution and bias); or by the end of
    either that no other ends in ("8x8/Conv1"). Where nothing fits, the number that TensorFlow and
    Keras put behind names may be left out: "mixed8" is "inception_v3_1/mixed8_1/concat" too. Names
    are the graph's, in which Keras's layer "conv2d" may be "conv2d_1".

    Args:
      model: the network.
      plan: of all its outputs, its picture live.
    """

    def __init__(self, model: GraphModel, plan: Plan):
        self._model, self._plan = model, plan
        self._tensors = carried_tensors(plan)
        nodes = [split_tensor_name(name)[0] for name in self._tensors]
        self._scopes = list(dict.fromkeys(scope for node in nodes for scope in _scopes(node)))

    def find(self, query: str) -> str:
        """The tensor that is meant, "node:k".

        Raises:
          UserError: none or several are; lists the nearest, or all.
        """
        wanted = query.strip()
        keys = [port.tensor for port in self._model.outputs if port.key == wanted]
        if keys:
            return walk.canonical(keys[0])
        node, index = split_tensor_name(wanted)
        if node in self._model.nodes and 0 <= index < len(
            ops.output_types(self._model.nodes[node])
        ):
            return walk.canonical(wanted)
        stem = wanted.removesuffix(":0")
        ends_so = _ends_in(re.escape(stem))
        for fits in (stem.__eq__, ends_so, _ends_in(_numbered(stem))):
            found = [name for name in self._tensors if fits(name.removesuffix(":0"))]
            found += [end for scope in self._scopes if fits(scope) for end in self._ends(scope)]
            if found:
                return self._single(query, found)
        # What computes nothing, such as an identity, or does not see the picture.
        found = [walk.canonical(node) for node in self._model.nodes if stem and ends_so(node)]
        if found:
            return self._single(query, found)
        raise UserError(self._why_not(stem))

    def _single(self, query: str, found: Sequence[str]) -> str:
        found = list(dict.fromkeys(found))
        if len(found) > 1:
            raise UserError(
                f"{self._model.path}: {len(found)} layers may be meant by {query!r}: "
                f"{_listed(found)}; give one in full"
            )
        return found[0]

    def _ends(self, scope: str) -> list[str]:
        """The tensors of a scope that lead to no other in it."""
        inside = {name for name in self._tensors if name.startswith(f"{scope}/")}
        leading: set[str] = set()
        behind = set(inside)
        for step in reversed(self._plan.steps[LIVE]):
            if ops.reads_values(step.node) and not behind.isdisjoint(step.outputs):
                leading.update(step.inputs)
                behind.update(step.inputs)
        return [name for name in self._tensors if name in inside - leading]

    def _why_not(self, stem: str) -> str:
        # Compared by as many components as were asked for: the scopes around them are long.
        count = stem.count("/") + 1
        names = [*self._scopes, *(name.removesuffix(":0") for name in self._tensors)]
        ends = list(dict.fromkeys("/".join(name.split("/")[-count:]) for name in names))
        nearest = difflib.get_close_matches(stem, ends, n=_LISTED, cutoff=0.3) or ends[:_LISTED]
        return f"{self._model.path} has no layer {stem!r}; the nearest are {_listed(nearest)}"


def _scopes(node: str) -> Iterator[str]:
    """The scopes that a node is in: "a" and "a/b" for "a/b/c"."""
    parts = node.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _numbered(stem: str) -> str:
    """A pattern for a name of which each component may have numbers behind it."""
    return "/".join(rf"{re.escape(part)}(?:_\d+)?" for part in stem.split("/"))


def _ends_in(pattern: str) -> Callable[[str], bool]:
    found = re.compile(rf"(?:^|/){pattern}$").search
    return lambda name: found(name) is not None


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names[:_LISTED])
    return text if len(names) <= _LISTED else f"{text} and {len(names) - _LISTED} more"

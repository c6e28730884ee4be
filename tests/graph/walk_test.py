"""Orders and reachability on graphs small enough to check by eye, and on random ones."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfinv.errors import UserError
from tfinv.graph import walk


def nodes_of(inputs: dict[str, list[str]]) -> dict:
    return {name: tf.compat.v1.NodeDef(name=name, input=reads) for name, reads in inputs.items()}


DIAMOND = {"a": [], "b": ["a"], "c": ["a:1"], "d": ["b", "c"], "aside": ["b"]}


@given(st.lists(st.sets(st.integers(0, 100)), min_size=1, max_size=30), st.randoms())
@settings(max_examples=40, deadline=None)
def test_every_node_comes_after_what_it_reads(edges, random):
    graph = {f"n{i}": [f"n{j % i}" for j in reads] if i else [] for i, reads in enumerate(edges)}
    names = list(graph)
    random.shuffle(names)
    output = names[0]
    order = walk.topological_order(nodes_of({name: graph[name] for name in names}), [output])
    assert len(set(order)) == len(order)
    place = {name: i for i, name in enumerate(order)}
    for name in order:
        assert all(place[other] < place[name] for other in graph[name])
    needed = {output}
    for name in reversed(list(graph)):
        if name in needed:
            needed.update(graph[name])
    assert set(order) == needed


def test_nothing_behind_a_fed_tensor_is_visited():
    assert walk.topological_order(nodes_of(DIAMOND), ["d"], {"b:0", "c:0"}) == ["d"]
    assert walk.topological_order(nodes_of(DIAMOND), ["d:0"], {"d:0"}) == []


def test_another_output_of_a_fed_node_is_still_needed():
    assert walk.topological_order(nodes_of(DIAMOND), ["d"], {"a:1"}) == ["a", "b", "c", "d"]


def test_a_loop_is_an_error():
    with pytest.raises(UserError, match="loop"):
        walk.topological_order(nodes_of({"a": ["b"], "b": ["a"]}), ["a"])


def test_a_missing_node_is_named():
    with pytest.raises(UserError, match="'nowhere'"):
        walk.topological_order(nodes_of({"a": ["nowhere:2"]}), ["a"])


def test_ancestors():
    reads = {"a": [], "b": ["a"], "c": ["a"], "d": ["b"], "e": []}
    assert walk.ancestors(reads.__getitem__, ["d"]) == {"d", "b", "a"}


def test_the_canonical_name_has_an_output_number():
    assert walk.canonical("a/b") == walk.canonical("a/b:0") == "a/b:0"
    assert walk.canonical("a/b:3") == "a/b:3"


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

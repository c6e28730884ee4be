"""The digest of a model: of its graph and every number, and of nothing else."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from generators import tiny

from tfinv.graph.digest import digest
from tfinv.graph.reading.saved_model import read_saved_model


def test_the_same_model_elsewhere_has_the_same_digest(tmp_path):
    one, other = (read_saved_model(tiny.dcgan(tmp_path / name)) for name in "ab")
    assert digest(one) == digest(other) and len(digest(one)) == 32
    turned = dict(reversed(one.nodes.items()))
    assert digest(dataclasses.replace(one, nodes=turned)) == digest(one)


def test_whatever_changes_pictures_changes_the_digest(tmp_path):
    model = read_saved_model(tiny.dcgan(tmp_path / "a"))
    seen = {digest(model), digest(read_saved_model(tiny.dcgan(tmp_path / "b", seed=1)))}
    name, value = next(item for item in model.weights.items() if item[1].size > 1)
    for changed in (np.nextafter(value, np.inf), value.reshape(-1), value.astype(np.float64)):
        weights = {**model.weights, name: changed}
        seen.add(digest(dataclasses.replace(model, weights=weights)))
    relu = next(node for node in model.nodes.values() if node.op == "Relu")
    node = type(relu)()
    node.CopyFrom(relu)
    node.op = "Relu6"
    seen.add(digest(dataclasses.replace(model, nodes={**model.nodes, relu.name: node})))
    assert len(seen) == 6


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

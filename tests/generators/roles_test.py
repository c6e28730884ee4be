"""What an input is for is told by dtype and shape, whatever it is called."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.roles import find_roles
from tfinv.graph.model import GraphModel, Port

F, N, B = tf.float32, tf.int32, tf.bool


def model(*ports: tuple[str, tf.DType, tuple | None]) -> GraphModel:
    inputs = tuple(Port(key, f"{key}:0", dtype, shape) for key, dtype, shape in ports)
    return GraphModel({}, {}, inputs, (), "TF2 SavedModel", "some/path")


@pytest.mark.parametrize(
    ("ports", "latent", "labels", "scalars", "classes"),
    [
        ([("input_1", F, (None, 8))], "input_1", None, [], None),
        ([("y", F, (None, 8))], "y", None, [], None),  # alone, whatever its name
        ([("z", F, (None, 8)), ("y", F, (None, 10))], "z", "y", [], 10),
        ([("Labels", F, (1, 4)), ("noise", F, (1, 8))], "noise", "Labels", [], 4),
        ([("z", F, (None, 8)), ("which", N, (None,))], "z", "which", [], None),
        ([("z", F, (None, 8)), ("k", tf.int64, (None, 1))], "z", "k", [], None),
        (
            [("truncation", F, ()), ("y", F, (None, 5)), ("z", F, (None, 8))],
            "z",
            "y",
            ["truncation"],
            5,
        ),
        (
            [("z", F, (None, 8)), ("psi", F, ()), ("noise", F, ())],
            "z",
            None,
            ["psi", "noise"],
            None,
        ),
    ],
)
def test_roles(ports, latent, labels, scalars, classes):
    roles = find_roles(model(*ports))
    assert roles.latent.key == latent
    assert (roles.labels and roles.labels.key) == labels
    assert [port.key for port in roles.scalars] == scalars
    assert roles.classes == classes
    assert roles.latent_size == 8


@pytest.mark.parametrize(
    "ports",
    [
        [],
        [("image", F, (None, 8, 8, 3))],
        [("z", F, None)],
        [("z", F, (None, None))],
        [("z", F, (None, 8)), ("w", F, (None, 8))],
        [("z", F, (None, 8)), ("training", B, ())],
        [("z", F, (None, 8)), ("label", N, (None,)), ("style", N, (None,))],
        [("ids", N, (None, 16))],
    ],
)
def test_what_is_no_generator_is_refused_in_one_line(ports):
    with pytest.raises(UserError, match="does not look like a generator") as raised:
        find_roles(model(*ports))
    text = str(raised.value)
    assert "\n" not in text and "some/path" in text and "--signature" in text
    assert all(f"{key} {dtype.name}" in text for key, dtype, _ in ports)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

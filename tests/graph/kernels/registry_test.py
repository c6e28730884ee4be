"""Which op has a kernel."""

from __future__ import annotations

import sys

import pytest
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfinv.graph.kernels import kernel_for, register


def test_an_op_without_a_kernel_is_left_alone():
    assert kernel_for(NodeDef(op="Tanh"), [None]) is None
    assert kernel_for(NodeDef(op="NoSuchOp"), []) is None


def test_two_makers_for_one_op_are_a_mistake():
    with pytest.raises(ValueError, match="Relu"):
        register("Relu")(lambda node, constants: None)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

"""The allow-list holds pure ops only, and what reaches outside is refused wherever it stands."""

from __future__ import annotations

import sys

import pytest
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tfinv.errors import UserError
from tfinv.graph.reading.allowed_ops import ALLOWED, RANDOM
from tfinv.graph.reading.safety import check_file, check_ops, refusal

v1 = tf.compat.v1
HOSTILE = {
    "reads or writes files": (
        "ReadFile WriteFile MatchingFiles ImmutableConst TFRecordDatasetV2 TextLineReaderV2 "
        "SqlDataset ExperimentalLMDBDataset InitializeTableFromTextFileV2 LoadAndRemapMatrix "
        "DatasetToTFRecord CreateSummaryFileWriter IO>FileRead"
    ),
    "runs Python": "PyFunc EagerPyFunc PyFuncStateless",
    "opens a socket": "DataServiceDatasetV4 DebugIdentityV3 Recv RpcCall BigQueryReader",
    "runs code that TensorFlow did not write": "TRTEngineOp XlaCustomCallV2",
    "ends the process": "Abort",
}
CASES = [(op, reason) for reason, ops in HOSTILE.items() for op in ops.split()]


def nodes(*ops: str):
    return [v1.NodeDef(name=f"node_{op.replace('>', '_')}", op=op) for op in ops]


def test_every_allowed_op_exists_and_keeps_no_state():
    variables = {"VarHandleOp", "Variable", "VariableV2"}
    for op in sorted(ALLOWED - variables):
        definition = op_def_registry.get(op)
        assert definition is not None, op
        # CheckNumerics and Empty are marked stateful so that TensorFlow does not fold them away.
        stateful = RANDOM | {"CheckNumerics", "Empty"}
        assert not definition.is_stateful or op in stateful, op
        for argument in (*definition.input_arg, *definition.output_arg):
            assert argument.type not in (tf.resource.as_datatype_enum, tf.variant.as_datatype_enum)
            assert argument.type != tf.string.as_datatype_enum or op.startswith("DataFormat"), op
            assert not argument.is_ref, op


def test_no_allowed_op_takes_a_function():
    for op in sorted(ALLOWED):
        assert not [a for a in op_def_registry.get(op).attr if a.type in ("func", "list(func)")], op


def test_lists_do_not_contradict_each_other():
    assert not [op for op in ALLOWED if refusal(v1.NodeDef(op=op))]


def test_everything_in_tensorflow_that_takes_a_file_name_is_refused_or_not_allowed():
    words = ("filename", "file_pattern", "filenames", "file_name", "logdir", "path")
    for op in dir(tf.raw_ops):
        definition = op_def_registry.get(op)
        names = [a.name for a in (*definition.input_arg, *definition.attr)] if definition else []
        if set(names) & set(words):
            assert op not in ALLOWED, op


@pytest.mark.parametrize(("op", "reason"), CASES)
def test_hostile_ops_are_refused_by_name_anywhere(op, reason):
    graph = v1.GraphDef(node=nodes("Relu", op))
    with pytest.raises(UserError, match=rf"m: refused, because op '{op}' .* {reason}"):
        check_file(graph, "m")
    library = v1.GraphDef(node=nodes("Relu"))
    function = library.library.function.add()
    function.signature.name = "hidden"
    function.node_def.extend(nodes(op))
    for check in (check_file, check_ops):
        with pytest.raises(UserError, match=rf"'{op}' .* in function 'hidden'. {reason}"):
            check(library, "m")
    with pytest.raises(UserError, match=rf"'{op}' .* {reason}"):
        check_ops(nodes("MatMul", op), "m")


def test_saving_and_restoring_may_stand_in_a_file_but_not_be_evaluated():
    standard = nodes(
        "SaveV2", "RestoreV2", "ShardedFilename", "MergeV2Checkpoints", "StringJoin", "Assign"
    )
    check_file(v1.GraphDef(node=standard), "m")
    for node in standard:
        with pytest.raises(UserError, match=f"refused, because op .{node.op}"):
            check_ops([node], "m")


def test_unknown_ops_may_stand_in_a_file_but_not_be_evaluated():
    check_file(v1.GraphDef(node=nodes("MyCustomOp", "ResourceApplyAdam")), "m")
    with pytest.raises(UserError, match=r"'MyCustomOp' .* is not among the ops"):
        check_ops(nodes("MyCustomOp"), "m")


@pytest.mark.parametrize(("stream", "refused"), [(b"file:///tmp/x", True), (b"stderr", False)])
def test_printing_to_a_file_is_writing_one(stream, refused):
    (node,) = nodes("PrintV2")
    node.attr["output_stream"].s = stream
    assert bool(refusal(node)) == refused


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

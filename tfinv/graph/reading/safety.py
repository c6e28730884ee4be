"""Which ops a model file may hold. A model file is input from a stranger.

Two rules, for two sets of nodes. `check_file` looks at every node of a file, its function library
included, whether anything uses it or not, and refuses ops that reach outside the computation.
`check_ops` looks at the nodes that will be evaluated, and refuses whatever is not known to be pure.

Every SavedModel holds a sub-graph that saves and restores its variables. It writes files;
`check_file` lets it pass because tfinv reads checkpoints itself and evaluates nothing that
`check_ops` has not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.graph.reading.allowed_ops import ALLOWED

__all__ = ["check_file", "check_ops", "refusal"]

NodeDef = tf.compat.v1.NodeDef

_FILES, _PYTHON, _SOCKET = "reads or writes files", "runs Python", "opens a socket"
_REFUSED = {
    _FILES: """
        CacheDataset CacheDatasetV2 CheckpointHasKey CreateSummaryDbWriter
        CreateSummaryFileWriter CreateTRTResourceHandle CSVDataset CSVDatasetV2
        DatasetToTFRecord DistributedSave DTensorRestoreV2 FileSystemSetConfiguration
        FixedLengthRecordDataset FixedLengthRecordDatasetV2 FixedLengthRecordReader
        FixedLengthRecordReaderV2 GenerateVocabRemapping ImmutableConst ImportEvent
        InitializeTableFromTextFile InitializeTableFromTextFileV2 InitializeTRTResource
        ListSnapshotChunksDataset LMDBDataset LMDBReader LoadAndRemapMatrix LoadDataset
        MatchingFiles MatchingFilesDataset ReaderRead ReaderReadUpTo ReaderReadUpToV2
        ReaderReadV2 ReadFile RecordInput SaveDataset SaveDatasetV2 SnapshotChunkDataset
        SnapshotDataset SnapshotDatasetReader SnapshotDatasetV2 SnapshotNestedDatasetReader
        SqlDataset SummaryWriter TextLineDataset TextLineReader TextLineReaderV2 TFRecordDataset
        TFRecordDatasetV2 TFRecordReader TFRecordReaderV2 WholeFileReader WholeFileReaderV2
        WriteAudioSummary WriteFile WriteGraphSummary WriteHistogramSummary WriteImageSummary
        WriteRawProtoSummary WriteScalarSummary WriteSummary""",
    _PYTHON: "EagerPyFunc GeneratorDataset PyFunc PyFuncStateless",
    "runs code that TensorFlow did not write": """
        RemoteFusedGraphExecute TfLiteSubgraphExecute TRTEngineOp XlaCustomCall XlaCustomCallV2""",
    _SOCKET: """
        _HostRecv _HostSend _Recv _Send BigQueryReader BigtableClient
        CollectiveInitializeCommunicator ConfigureDistributedTPU DataServiceDataset
        DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 DebugGradientIdentity
        DebugGradientRefIdentity DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount
        DebugNumericSummary DebugNumericSummaryV2 KafkaDataset Recv RegisterDataset
        RegisterDatasetV2 RemoteCall Rpc RpcCall RpcClient RpcServer RpcServerStart Send TryRpc
        WorkerHeartbeat""",
    "ends the process": "Abort",
}
_REASONS = {op: reason for reason, ops in _REFUSED.items() for op in ops.split()}

# The same kinds of op as other releases and add-on packages spell them.
_SPELLINGS = (
    (re.compile(r"(CSV|File|LMDB|Record|Sql|TextLine)\w*(Dataset|Reader)|ToTFRecord|^IO>"), _FILES),
    (re.compile(r"PyFunc"), _PYTHON),
    (re.compile(r"^(BigQuery|Bigtable|Kafka|ZMQ|Rpc)|Grpc"), _SOCKET),
)

# What to do about ops that are harmless, and none of which a generator can be inverted through.
_REMEDIES = (
    (
        re.compile(r"Table|Lookup"),
        "looks something up in a table; export the generator with numbers for its classes in place "
        "of names",
    ),
    (
        re.compile(r"TensorList|TensorArray|While|^Stack|^(Ref)?(Enter|Exit|NextIteration)$"),
        "belongs to a loop; export the generator with it unrolled",
    ),
    (
        re.compile(r"Queue|Iterator|Dataset|Barrier"),
        "takes what it yields from an input pipeline; feed that tensor with --input, or export the "
        "generator alone",
    ),
    (
        re.compile(r"^(String|Decode|Encode|Parse|AsString|Regex|Substr|Unicode)"),
        "works on text or encoded pictures; export the generator without it",
    ),
)
_ADVICE = (
    "is not among the ops that a generator may use; export a generator that computes its images "
    "from its inputs and weights alone"
)


def refusal(node: NodeDef) -> str | None:
    """Why a node may stand nowhere in a model file, such as "reads or writes files"; else None."""
    if node.op in _REASONS:
        return _REASONS[node.op]
    if node.op == "PrintV2" and b"://" in node.attr["output_stream"].s:
        return _FILES
    return next((reason for pattern, reason in _SPELLINGS if pattern.search(node.op)), None)


def check_file(graph_def: tf.compat.v1.GraphDef, path: str) -> None:
    """Refuses a file that holds an op which reaches outside the computation, used or not.

    Args:
        graph_def: the graph as the file holds it, with its function library.
        path: the file, for the message.

    Raises:
        UserError: names the op, its node, and what it does.
    """
    for node, where in _everything(graph_def):
        reason = refusal(node)
        if reason:
            raise UserError(
                f"{path}: refused, because op {node.op!r} (node {node.name!r}{where}) {reason}; "
                "export the generator alone, without its input pipeline: "
                "tf.compat.v1.graph_util.extract_sub_graph keeps just what an output needs"
            )


def check_ops(graph_def_or_nodes: tf.compat.v1.GraphDef | Iterable[NodeDef], path: str) -> None:
    """Refuses ops that are not known to be pure arithmetic.

    Args:
        graph_def_or_nodes: the nodes that will be evaluated; of a GraphDef, those of its function
            library too.
        path: the file they come from, for the message.

    Raises:
        UserError: names the op, its node, and what is wrong with it.
    """
    if isinstance(graph_def_or_nodes, tf.compat.v1.GraphDef):
        nodes = _everything(graph_def_or_nodes)
    else:
        nodes = ((node, "") for node in graph_def_or_nodes)
    for node, where in nodes:
        if node.op in ALLOWED:
            continue
        reason = refusal(node)
        if reason:
            said = f"{reason}; export the generator alone"
        else:
            said = next((text for kind, text in _REMEDIES if kind.search(node.op)), _ADVICE)
        raise UserError(
            f"{path}: refused, because op {node.op!r} (node {node.name!r}{where}) {said}"
        )


def _everything(graph_def) -> Iterator[tuple[NodeDef, str]]:
    for node in graph_def.node:
        yield node, ""
    for function in graph_def.library.function:
        for node in function.node_def:
            yield node, f" in function {function.signature.name!r}"

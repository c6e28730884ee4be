"""Stand-ins for DeepMind's BigGAN: the names, shapes and sizes of the published modules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2

from tfinv.errors import UserError
from tfinv.generators.load import load_generator
from tfinv.networks.biggan import BLOCKS, CHUNKS, BigGAN, write_biggan
from tfinv.networks.biggan_deep import BLOCKS as DEEP_BLOCKS

MAKE = Path(__file__).resolve().parents[2] / "tools" / "make_biggan.py"
CH, CLASSES = 2, 3
ACCUMULATED = ("accumulated_mean", "accumulated_var", "accumulation_counter")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A module of each family, each as it was published but for its width."""
    made = tmp_path_factory.mktemp("biggan")
    for deep in (False, True):
        write_biggan(made / str(deep), deep=deep, ch=CH, classes=CLASSES)
    return made


def variables(path: Path) -> dict[str, list[int]]:
    """Name to shape of what is in the checkpoint, the published names in the list of it."""
    return dict(tf.train.list_variables(str(path / "variables" / "variables")))


def graph(path: Path) -> Message:
    held = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    return held.meta_graphs[0]


def averaged(names, suffix: str) -> set[str]:
    """Trained variables with their moving averages."""
    return {*names, *(f"{name}/{suffix}" for name in names)}


def normed(scope: str, *more: str, vectors: int = 1) -> tuple[set[str], set[str]]:
    """What is trained in a layer with spectral norm, and the vectors it holds."""
    return {f"{scope}/{n}" for n in ("w", *more)}, {f"{scope}/u{k}" for k in range(vectors)}


def together(parts, suffix: str) -> set[str]:
    trained = set().union(*(part[0] for part in parts))
    return averaged(trained, suffix) | set().union(*(part[1] for part in parts))


def attention(scope: str = "Generator/attention") -> list:
    return [({f"{scope}/gamma"}, set())] + [
        normed(f"{scope}/{name}") for name in ("theta", "phi", "g", "o_conv")
    ]


def test_variables_of_biggan_are_those_of_the_published_module(folder):
    """The list is of biggan-128/2 as its converters to other frameworks read it."""
    parts = [({"linear/w"}, set()), *attention()]
    parts.append(normed("Generator/G_Z/G_linear", "b", vectors=3))
    statistics = []
    for block in ("GBlock", "GBlock_1", "GBlock_2", "GBlock_3", "GBlock_4"):
        scope = f"Generator/{block}"
        parts += [normed(f"{scope}/{conv}", "b") for conv in ("conv0", "conv1", "conv_sc")]
        for k in ("", "_1"):
            parts += [normed(f"{scope}/HyperBN{k}/{name}") for name in ("gamma", "beta")]
            statistics.append(f"{scope}/CrossReplicaBN{k}")
    head = "Generator/ScaledCrossReplicaBN"
    parts += [({f"{head}/gamma", f"{head}/beta"}, set()), normed("Generator/conv_2d", "b")]
    statistics.append(f"{head}bn")
    found = set(variables(folder / "False"))
    levels = {name for name in found if name.endswith("_by_truncation")}
    assert found - levels - {"previous_truncation"} == together(parts, "ema_b999900") | {
        f"{scope}/{name}" for scope in statistics for name in ACCUMULATED
    }
    assert levels == {
        f"{scope}/{name}_by_truncation" for scope in statistics for name in ("mean", "var")
    }


def test_variables_of_biggan_deep_are_those_of_the_published_module(folder):
    parts = [({"linear/w"}, set()), *attention()]
    parts.append(normed("Generator/GenZ/G_linear", "b", vectors=3))
    for k in range(10):
        scope = f"Generator/GBlock_{k}" if k else "Generator/GBlock"
        parts += [normed(f"{scope}/conv{j}", "b") for j in range(4)]
        for norm in ("BatchNorm", "BatchNorm_1", "BatchNorm_2", "BatchNorm_3"):
            parts += [normed(f"{scope}/{norm}/{name}") for name in ("scale", "offset")]
    head = "Generator/BatchNorm"
    parts += [({f"{head}/scale", f"{head}/offset"}, set()), normed("Generator/conv_to_rgb", "b")]
    assert set(variables(folder / "True")) == together(parts, "ema_0.9999")


def test_shapes(folder):
    plain, deep = variables(folder / "False"), variables(folder / "True")
    assert plain["linear/w"] == deep["linear/w"] == [CLASSES, 128]
    assert plain["Generator/G_Z/G_linear/w"] == [20, 16 * 16 * CH]
    assert plain["Generator/G_Z/G_linear/u2"] == [1, 16 * 16 * CH]
    assert plain["Generator/GBlock_1/HyperBN_1/gamma/w"] == [148, 8 * CH]
    assert plain["Generator/GBlock_1/conv0/w"] == [3, 3, 16 * CH, 8 * CH]  # HWIO
    assert plain["Generator/conv_2d/w"] == [3, 3, CH, 3]
    assert deep["Generator/GenZ/G_linear/w"] == [256, 16 * 16 * CH]
    assert deep["Generator/GBlock_3/BatchNorm/scale/w"] == [256, 16 * CH]
    assert deep["Generator/GBlock_3/conv1/w"] == [3, 3, 4 * CH, 4 * CH]  # a quarter inside
    assert deep["Generator/conv_to_rgb/w"] == [3, 3, CH, 128]


@pytest.mark.parametrize(("deep", "tensor"), [
    (False, "Generator_2/GBlock/Relu"),
    (False, "Generator_2/attention/Softmax"),
    (False, "Generator_2/G_Z/Reshape"),
    (True, "Generator_1/GenZ/Reshape"),
])  # fmt: skip
def test_tensors_that_the_literature_names_are_there(folder, deep, tensor):
    assert tensor in {node.name for node in graph(folder / str(deep)).graph_def.node}


@pytest.mark.parametrize("deep", [False, True])
def test_the_signature(folder, deep):
    signature = graph(folder / str(deep)).signature_def["default"]
    shapes = {
        key: tuple(d.size for d in info.tensor_shape.dim) for key, info in signature.inputs.items()
    }
    assert shapes == {"z": (-1, 128 if deep else 120), "y": (-1, CLASSES), "truncation": ()}
    (picture,) = signature.outputs.values()
    assert [d.size for d in picture.tensor_shape.dim] == [-1, 128, 128, 3]
    assert (folder / str(deep) / "tfhub_module.pb").stat().st_size == 2


def test_the_statistics_of_a_deep_module_are_constants_in_the_graph(folder):
    """As in the published ones: tables of 51 levels by the names stack_1, stack_3 and so on."""
    nodes = {node.name: node for node in graph(folder / "True").graph_def.node}
    stacks = [node for name, node in nodes.items() if re.fullmatch(r"stack(_\d+)?", name)]
    assert len(stacks) == 2 * (4 * 10 + 1)  # mean and variance of every norm
    assert all(len(node.input) == 51 for node in stacks)
    assert all(nodes[name].op == "Const" for node in stacks for name in node.input)


@pytest.mark.parametrize(("resolution", "size", "blocks"), [
    (128, 120, 5), (256, 140, 6), (512, 128, 7),
])  # fmt: skip
def test_sizes_are_those_of_the_papers_tables(resolution, size, blocks):
    assert BigGAN(resolution).latent_size == size == CHUNKS[resolution] * (1 + blocks)
    assert 4 * 2 ** (len(BLOCKS[resolution]) - 1) == resolution
    assert 4 * 2 ** DEEP_BLOCKS[resolution].count("+") == resolution
    assert len(DEEP_BLOCKS[resolution].split()) == 2 * blocks


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UserError, match="no resolution 64"):
        write_biggan(tmp_path / "m", resolution=64)
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        write_biggan(tmp_path)
    assert (tmp_path / "kept").read_text() == "mine"


def make(*options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(MAKE), *options], capture_output=True, text=True, timeout=300
    )


def test_the_tool_writes_what_can_be_loaded_and_never_over_anything(tmp_path):
    out = tmp_path / "replica"
    options = ("--width=1", f"--classes={CLASSES}", f"--output_dir={out}")
    done = make(*options)
    assert done.returncode == 0 and "noise" in done.stdout, done.stderr
    generator = load_generator(out)
    assert (generator.latent_size, generator.classes) == (120, CLASSES)
    again = make(*options)
    assert again.returncode == 2 and "not an empty folder" in again.stderr
    assert "Traceback" not in again.stderr


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

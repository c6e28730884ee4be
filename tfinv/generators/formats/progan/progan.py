"""ProGAN pickles: `karras2018iclr-celebahq-1024x1024.pkl` and those of one's own training."""

from __future__ import annotations

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.formats.progan.network import Network, read_network
from tfinv.generators.formats.reading import Reading, Request
from tfinv.graph.model import GraphModel, Port
from tfinv.graph.reading.freeze import build_model
from tfinv.networks import progan

__all__ = ["read"]

_PRODUCER = "ProGAN pickle"


def read(source: str, request: Request) -> Reading:
    """Reads a network of a pickle as a graph: its generator, unless another is asked for.

    Args:
      source: the file.
      request: its `signature` names another network of the file than the averaged generator Gs:
        G, or D, whose layers serve as features.

    Raises:
      UserError: whatever is wrong with the file; nothing of it is executed.
    """
    if request.inputs or request.output:
        raise UserError(
            f"{source} is a ProGAN pickle, and fed and read as such: drop --input and --output"
        )
    kind = "G_paper" if request.signature is None else None
    network, note = read_network(source, kind, request.signature)
    settings, notes = network.settings, [note, *network.notes]
    if network.lod > 0:
        side = 2 ** settings.growth(network.lod)[0]
        notes.append(
            f"an unfinished training (lod {network.lod:.3g}): {side}x{side} pixels, enlarged to "
            f"{settings.resolution}x{settings.resolution}"
        )
    return Reading(_to_graph(network, source), "-1,1", tuple(notes))


def _to_graph(network: Network, source: str) -> GraphModel:
    settings, arrays = network.settings, network.arrays
    with tf.Graph().as_default() as graph:
        weights = {name: _variable(name, array.shape) for name, array in arrays.items()}
        if network.kind == "G_paper":
            fed = {"latents": [None, settings.latent], "labels": [None, settings.label_size]}
        else:
            side = settings.resolution
            fed = {"images": [None, settings.num_channels, side, side]}
        inputs = {
            key: tf.compat.v1.placeholder(tf.float32, shape, key)
            for key, shape in fed.items()
            if shape[1]
        }
        if network.kind == "G_paper":
            images = progan.generator(settings, weights, *inputs.values(), lod=network.lod)
            outputs = {"images_out": images}
        else:
            scores, _ = progan.discriminator(settings, weights, *inputs.values(), lod=network.lod)
            outputs = {"scores_out": scores}
    return build_model(
        graph.as_graph_def(),
        [_port(key, tensor) for key, tensor in inputs.items()],
        [_port(key, tensor) for key, tensor in outputs.items()],
        lambda node: arrays[node.name],
        _PRODUCER,
        source,
    )


def _port(key: str, tensor: tf.Tensor) -> Port:
    return Port(key, tensor.name, tensor.dtype, tuple(tensor.shape.as_list()))


def _variable(name: str, shape: tuple[int, ...]) -> tf.Tensor:
    """The value of a variable that is called as in the file, and that `build_model` asks for."""
    handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=shape, shared_name=name, name=name)
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32, name=f"{name}/read")

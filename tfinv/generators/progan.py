"""ProGAN pickles: `karras2018iclr-celebahq-1024x1024.pkl` and those of one's own training."""

from __future__ import annotations

import tensorflow as tf

from tfinv.errors import UserError
from tfinv.generators.progan_pickle import Network, read_network
from tfinv.generators.reading import Reading, Request
from tfinv.graph.freeze import build_model
from tfinv.graph.model import GraphModel, Port
from tfinv.networks import progan

__all__ = ["read"]

_PRODUCER = "ProGAN pickle"


def read(source: str, request: Request) -> Reading:
    """Reads the generator of a pickle as a graph.

    Args:
      source: the file.
      request: its `signature` names another network of the file than the average Gs.

    Raises:
      UserError: whatever is wrong with the file; nothing of it is executed.
    """
    if request.inputs or request.output:
        raise UserError(
            f"{source} is a ProGAN pickle, and fed and read as such: drop --input and --output"
        )
    network, note = read_network(source, "G_paper", request.signature)
    side, settings = 2 ** network.settings.growth(network.lod)[0], network.settings
    notes = [note, *network.notes]
    if network.lod > 0:
        notes.append(
            f"an unfinished training (lod {network.lod:.3g}): drawn at {side}x{side} and enlarged "
            f"to {settings.resolution}x{settings.resolution}"
        )
    return Reading(_to_graph(network, source), "-1,1", tuple(notes))


def _to_graph(network: Network, source: str) -> GraphModel:
    settings, arrays = network.settings, network.arrays
    ports = [Port("latents", "latents:0", tf.float32, (None, settings.latent))]
    if settings.label_size:
        ports.append(Port("labels", "labels:0", tf.float32, (None, settings.label_size)))
    with tf.Graph().as_default() as graph:
        fed = [
            tf.compat.v1.placeholder(port.dtype, port.shape, port.tensor.split(":")[0])
            for port in ports
        ]
        weights = {name: _variable(name, array.shape) for name, array in arrays.items()}
        images = progan.generator(settings, weights, *fed, lod=network.lod)
    output = Port("images_out", images.name, images.dtype, tuple(images.shape.as_list()))
    return build_model(
        graph.as_graph_def(), ports, [output], lambda node: arrays[node.name], _PRODUCER, source
    )


def _variable(name: str, shape: tuple[int, ...]) -> tf.Tensor:
    """The value of a variable that is called as in the file, and that `build_model` asks for."""
    handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=shape, shared_name=name, name=name)
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32, name=f"{name}/read")

"""A trained network and one layer of it: pictures in, features out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfinv.errors import UserError
from tfinv.features.names import OUTPUT, Names, carried_tensors
from tfinv.features.pictures import (
    INCEPTION_SIZE,
    Feed,
    find_layout,
    find_picture,
    inception_layer,
    is_inception,
    range_of_network,
)
from tfinv.features.source import for_any_batch, read_network, side_inputs
from tfinv.generators.formats.reading import Request
from tfinv.generators.output.border import RANGES
from tfinv.graph import walk
from tfinv.graph.differentiable import why_not_differentiable
from tfinv.graph.interpret import Program
from tfinv.graph.model import Port
from tfinv.graph.ops import tensor_type
from tfinv.graph.plan import Plan, make_plan

__all__ = ["FeatureNetwork"]

_ASSUMED_RANGE = "-1,1"
_COUPLING = 1e-4  # of the largest feature; the same shapes round alike


class FeatureNetwork:
    """The first part of a network, up to one layer: a classifier's or a discriminator's.

    Args:
      source: any file that `tfinv.load_generator` can read: a SavedModel, a TF-Hub module or its
        handle, a .keras file, and so on; or "inception_v3", which Keras builds.
      layer: where the features are: a tensor, a node, a scope, or the end of one's name, as in
        "8x8/Conv1" (see `Names`), or the key of an output; "output" is the only output, whatever
        it is called. If None, that, but of InceptionV3 the thesis's layer: Mixed_7a, which Keras
        calls mixed8.
      image_range: values of black and white in what the network wants, "-1,1", "0,1" or "0,255".
        If None, what its first operations say; [0, 1] for TF-Hub modules of TF1; else [-1, 1].
      size: height and width that pictures are resized to. If None, the input's own where it is
        fixed, 299 for InceptionV3, and else no resizing.
      signature: which signature to read, where the file has several.
      inputs: names of the tensors to feed, for files that do not say.
      output: name of a tensor behind the layer, likewise.
      constants: values of further inputs by key. Without, an input has its own default; flags such
        as training are False; numbers have to be given, if the layer depends on them.
      weights: an HDF5 file of them, for a source that Keras builds; downloaded if None.
      flag: what flags that speak of this network begin with, for messages.

    Attributes:
      path: where it was read from.
      layer: the tensor of the features, "node:k".
      feed: how pictures become what the network is fed.
      notes: lines that a user should know.

    Raises:
      UserError: if it cannot be read, takes no picture or several, or has no such layer.
    """

    def __init__(
        self,
        source: str | Path,
        layer: str | None = None,
        *,
        image_range: str | None = None,
        size: int | None = None,
        signature: str | None = None,
        inputs: Sequence[str] = (),
        output: str | None = None,
        constants: Mapping[str, float | bool] | None = None,
        weights: str | Path | None = None,
        flag: str = "feature",
    ):
        request = Request(signature, tuple(inputs), output)
        reading = read_network(source, request, weights=weights, size=size, layer=layer, flag=flag)
        model, port = for_any_batch(reading.model, find_picture(reading.model))
        self.path, self._model = model.path, model
        self._picture = walk.canonical(port.tensor)
        self._constants = side_inputs(model, port, constants or {})
        plan = self._plan([port.tensor for port in model.outputs])
        self.layer = Names(model, plan).find(self._layer(layer))
        self._check_layer()
        self._flag = flag
        self.notes: list[str] = list(reading.notes)
        self.feed = self._feed(port, plan, image_range or reading.image_range, size)
        size = self.feed.size and " of {}x{}".format(*self.feed.size)
        self.notes.append(
            f"features are {self.layer}, from pictures{size or ''} in [{self.feed.range}]"
        )
        self._program = Program(
            model, [self.layer], live=[self._picture], constants=self._constants
        )

    def __call__(self, images: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Computes features, of each picture alone, in eager code or any graph.

        Args:
          images: float32 [N, H, W, C] in [0, 1]; of a known size.

        Returns:
          float32 [N, ...].
        """
        images = tf.convert_to_tensor(images, tf.float32)
        return tf.cast(self._program.run([self.feed(images)])[0], tf.float32)

    def check(self, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
        """Tries the network on pictures of a generator.

        Args:
          image_shape: (height, width, channels).

        Returns:
          The shape of a picture's features.

        Raises:
          UserError: if such pictures do not fit, a picture's features depend on the others of its
            batch, or no gradient passes from them to the picture.
        """
        if self.feed.channels not in (None, image_shape[2]) and image_shape[2] != 1:
            raise UserError(
                f"{self.path} takes pictures of {self.feed.channels} channels, and the generator's "
                f"have {image_shape[2]}: choose another network"
            )
        one = np.random.default_rng(0).random((1, *image_shape), np.float32)
        # Statistics of a batch differ most between a picture beside itself and beside its negative.
        twice, beside = (self(np.concatenate([one, other])).numpy() for other in (one, 1 - one))
        where = f"{self.path}, layer {self.layer}"
        if twice.ndim == 0 or len(twice) != 2:
            raise UserError(
                f"{where}: two pictures have features of shape {list(twice.shape)}, where [2, ...] "
                "is needed: choose another layer"
            )
        if not np.isfinite([twice, beside]).all():
            raise UserError(f"{where}: the features are not finite: choose another layer or range")
        change = np.abs(twice[0] - beside[0]).max(initial=0.0)
        if change > _COUPLING * np.abs(twice[0]).max(initial=0.0):
            raise UserError(
                f"{where}: a picture's features depend on the others of its batch, as with a "
                "minibatch standard deviation or batch normalisation in training mode: choose a "
                "layer before that"
            )
        self._check_gradient(where, image_shape)
        return twice.shape[1:]

    def _check_gradient(self, where: str, image_shape: tuple[int, int, int]) -> None:
        """Traces the gradient, which costs little, and runs nothing."""

        @tf.function(autograph=False)
        def gradient(images: tf.Tensor) -> tf.Tensor | None:
            with tf.GradientTape() as tape:
                tape.watch(images)
                features = self(images)
            return tape.gradient(features, images)

        spec = tf.TensorSpec([2, *image_shape], tf.float32)
        try:
            found = gradient.get_concrete_function(spec).structured_outputs is not None
        except LookupError:  # TensorFlow's word for an operation without a derivative
            found = False
        if not found:
            images = self.feed(tf.zeros([1, *image_shape]))
            why = why_not_differentiable(
                self._model,
                self._picture,
                self.layer,
                images.shape[1:],
                self._constants,
                compiled=False,
            )
            reason = (why or "no gradient reaches the picture").partition(": ")[0]
            raise UserError(f"{where}: {reason}: choose a layer before that")

    def _plan(self, outputs: Sequence[str]) -> Plan:
        """Of these outputs; inputs without a value do not matter to names."""
        inputs = [walk.canonical(port.tensor) for port in self._model.inputs]
        return make_plan(
            self._model,
            outputs,
            live=[self._picture],
            per_batch=[t for t in inputs if t not in (self._picture, *self._constants)],
            constants=self._constants,
        )

    def _layer(self, wanted: str | None) -> str:
        """What to look for, where nothing or the output is asked for."""
        outputs = self._model.outputs
        if wanted is None:
            wanted = inception_layer(self._model)
            if wanted is None and len(outputs) > 1:
                keys = ", ".join(port.key for port in outputs)
                raise UserError(f"{self.path} has several outputs: name a layer, or one of {keys}")
        if wanted in (None, OUTPUT) and len(outputs) == 1:
            return outputs[0].key
        return wanted

    def _check_layer(self) -> None:
        dtype = tensor_type(self._model.nodes, self.layer)
        if not dtype.is_floating:
            raise UserError(
                f"{self.path}, layer {self.layer}: features of {dtype.name} let no gradient "
                "through: choose a layer before that"
            )
        plan = self._plan([self.layer])
        if plan.outputs[0] not in carried_tensors(plan):
            raise UserError(
                f"{self.path}: {self.layer!r} does not depend on the picture: choose a layer that "
                "does"
            )

    def _feed(self, port: Port, plan: Plan, image_range: str | None, size: int | None) -> Feed:
        layout = find_layout(port)
        if layout == "NHWC":
            _, *own, channels = port.shape
        else:
            _, channels, *own = port.shape
        if channels not in (None, 1, 3):
            raise UserError(
                f"{self.path} takes {list(port.shape)}, which are no pictures of 1 or 3 channels"
            )
        inception = is_inception(self._model)
        if size is not None and (size < 1 or any(s not in (None, size) for s in own)):
            takes = "x".join("?" if s is None else str(s) for s in own)
            raise UserError(
                f"{self.path} takes pictures of {takes}, which cannot be of size {size}"
            )
        if size is None and inception:
            size = INCEPTION_SIZE
        own = [size if s is None else s for s in own]
        if image_range is None:
            image_range = range_of_network(self._model, plan, inception)
        if image_range is None:
            image_range = _ASSUMED_RANGE
            self.notes.append(
                f"{self.path} does not say which range it wants pictures in: [{image_range}] is "
                f"assumed; --{self._flag}_range overrides it"
            )
        if image_range not in RANGES:
            raise UserError(
                f"range {image_range} of {self.path} is not known: it is one of {'  '.join(RANGES)}"
            )
        return Feed(
            range=image_range,
            layout=layout,
            size=None if None in own else tuple(own),
            channels=channels,
            dtype=port.dtype,
        )

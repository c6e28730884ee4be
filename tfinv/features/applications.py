"""Networks that Keras can build by name, with weights from a file or from Keras's own server."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from tfinv.errors import UserError
from tfinv.features.names import OUTPUT
from tfinv.features.pictures import INCEPTION_RANGE, INCEPTION_SIZE
from tfinv.generators.formats.reading import Reading
from tfinv.graph.reading.hdf5 import UNREADABLE, stored_numbers
from tfinv.graph.reading.keras_trace import load, trace

__all__ = ["APPLICATIONS", "Application", "read_application"]

_SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True)
class Application:
    """A network of Keras Applications.

    Attributes:
      make: (whether with the layers that classify, "imagenet" or None for weights, height and
        width) to a Keras model; of "imagenet", it downloads the weights, or finds them where they
        were downloaded before.
      image_range: a name in `RANGES`, of the pictures that it was trained on.
      size: height and width of those.
      least: of what it can take.
      top: layers, by their names there and in files of weights, that only the whole network has.
      url: of the folder with its files of weights.
      files: their names, without the classifying layers and with them.
    """

    make: Callable[[bool, str | None, int], Any]
    image_range: str
    size: int
    least: int
    top: tuple[str, ...]
    url: str
    files: tuple[str, str]


def _inception_v3(top: bool, weights: str | None, size: int) -> Any:
    import keras

    return keras.applications.InceptionV3(
        include_top=top, weights=weights, input_shape=(size, size, 3)
    )


APPLICATIONS = {
    "inception_v3": Application(
        _inception_v3,
        image_range=INCEPTION_RANGE,
        size=INCEPTION_SIZE,
        least=75,
        top=("avg_pool", "predictions", "dense"),
        url="https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/",
        files=(
            "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        ),
    ),
}
"""By the name that a user gives in the place of a file."""


def read_application(
    name: str,
    weights: str | Path | None = None,
    size: int | None = None,
    *,
    layer: str | None = None,
    flag: str = "feature",
) -> Reading:
    """Builds a network and gives it its weights.

    Args:
      name: in `APPLICATIONS`.
      weights: an HDF5 file of them, as Keras publishes and `save_weights` writes; None for those
        that were trained on ImageNet, which are downloaded once.
      size: height and width of its pictures; its own if None.
      layer: the one that is wanted; None for one that both forms of the network have.
      flag: what flags that speak of this network begin with, for messages.

    Returns:
      The graph, in inference, and the range of its pictures.

    Raises:
      UserError: if the weights cannot be had, are no such file or of another network.
    """
    application = APPLICATIONS[name]
    whole = layer in (OUTPUT, *application.top)
    size = application.size if size is None else size
    if size < application.least:
        raise UserError(
            f"{name} takes pictures of {application.least}x{application.least} and larger: a size "
            f"of {size} is too small"
        )
    if weights is None:
        model = _downloaded(name, application, size, whole, flag)
    else:
        path = os.path.expanduser(str(weights))
        has_top = _vet(path, application)
        if whole and not has_top:
            raise UserError(
                f"{path} has no weights for the layers of {name} that classify: give "
                f"{application.files[True]}"
            )
        model = application.make(has_top, None, size)
        load(lambda: model.load_weights(path), path)
    import keras

    return Reading(trace(model, keras, "Keras application", name), application.image_range)


def _downloaded(name: str, application: Application, size: int, whole: bool, flag: str) -> Any:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the bar that Keras draws
            return application.make(whole, "imagenet", size)
    except ValueError as error:  # not the network: Keras fits weights to some sizes only
        raise UserError(f"{name}: {' '.join(str(error).split())[:200]}") from error
    except Exception as error:  # Keras raises a bare Exception where a download fails
        file = application.files[whole]
        why = " ".join(str(error).split()).rpartition(" -- ")[2][:200]  # behind Keras's URL
        raise UserError(
            f"the weights of {name} cannot be downloaded ({why}): fetch {application.url}{file} "
            f"where there is a network and give it as --{flag}_weights={file}"
        ) from error


def _vet(path: str, application: Application) -> bool:
    """Looks at a file of weights before Keras does; whether the classifying layers are in it."""
    if not os.path.isfile(path):
        raise UserError(f"weights {path}: no such file")
    if not path.endswith(_SUFFIXES):
        raise UserError(f"weights {path}: Keras keeps weights as {' or '.join(_SUFFIXES)}")
    try:
        with h5py.File(path, "r") as file:
            stored_numbers(file, path)
            group = file.get("model_weights", file)
            names = group.attrs.get("layer_names", ())
            names = {n.decode() if isinstance(n, bytes) else str(n) for n in names}
            if not names and isinstance(group.get("layers"), h5py.Group):  # as Keras 3 writes them
                names = set(group["layers"])
    except UNREADABLE as error:
        line = " ".join(str(error).split())[:150]
        raise UserError(f"weights {path}: is no HDF5 file or is damaged ({line})") from error
    if not names:
        raise UserError(f"weights {path}: holds no weights of a Keras model")
    return not names.isdisjoint(application.top)

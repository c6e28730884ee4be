"""The flags that name a network of pictures: the one of the loss term "features", and others."""

from __future__ import annotations

import sys

from absl import flags

from tfinv.errors import UserError

__all__ = ["define_network", "load_flagged_network", "load_network"]

_DETAILS = ("layer", "weights", "range", "size", "signature", "input", "output")


def define_network(flag: str, purpose: str, prefix: str, layer: str) -> None:
    """Defines a flag that names a network, and flags that say what its file does not.

    Args:
      flag: the one that names it.
      purpose: its help.
      prefix: what the others begin with.
      layer: help of the one that names the layer.
    """
    flags.DEFINE_string(flag, None, purpose)
    flags.DEFINE_string(f"{prefix}_layer", None, layer)
    flags.DEFINE_string(
        f"{prefix}_weights",
        None,
        f"The HDF5 file of weights for --{flag}=inception_v3, as Keras publishes them; "
        "downloaded if not given.",
    )
    flags.DEFINE_enum(
        f"{prefix}_range",
        None,
        ["-1,1", "0,1", "0,255"],
        "Values of black and white in the pictures it wants; read off its first operations if not "
        "given, and else -1,1.",
    )
    flags.DEFINE_integer(
        f"{prefix}_size",
        None,
        "Height and width of the pictures it wants; by default its input's own, 299 for "
        "InceptionV3, and else the generator's.",
        lower_bound=1,
    )
    flags.DEFINE_string(f"{prefix}_signature", None, "Which signature to read, of several.")
    flags.DEFINE_list(f"{prefix}_input", [], "Its picture's tensor, for files that do not say.")
    flags.DEFINE_string(f"{prefix}_output", None, "A tensor behind the layer, likewise.")


define_network(
    "feature_network",
    "The network of the loss term features: inception_v3, which Keras builds, or whatever "
    "--generator can be, with one picture as its input. --loss='mse + 0.1*features' "
    "--feature_network=discriminator --feature_layer=8x8/Conv1.",
    prefix="feature",
    layer="Where its features are: a tensor, a scope, for the last tensor in it, or the end of "
    "one's name; or the key of an output. By default its only output, but InceptionV3's Mixed_7a, "
    "which Keras calls mixed8.",
)


def load_flagged_network():
    """Loads the network of the term "features"; see `load_network`."""
    network = load_network("feature_network", "feature")
    if network is not None:
        for note in network.notes:
            print(f"note: {note}", file=sys.stderr)
    return network


def load_network(flag: str, prefix: str, layer: str | None = None):
    """Loads the network that flags name.

    Args:
      flag: the one that names it.
      prefix: what the others begin with.
      layer: the one that is meant if none is named.

    Returns:
      A FeatureNetwork, or None if the flags name none.

    Raises:
      UserError: if it cannot be used, or flags say something of a network that none names.
    """
    values = {name: flags.FLAGS[f"{prefix}_{name}"].value for name in _DETAILS}
    source = flags.FLAGS[flag].value
    if source is None:
        idle = [name for name, value in values.items() if value not in (None, [])]
        if idle:
            raise UserError(f"--{prefix}_{idle[0]} says something of no network: add --{flag}")
        return None
    from tfinv.features.network import FeatureNetwork

    return FeatureNetwork(
        source,
        layer if values["layer"] is None else values["layer"],
        image_range=values["range"],
        size=values["size"],
        signature=values["signature"],
        inputs=values["input"],
        output=values["output"],
        weights=values["weights"],
        flag=prefix,
    )

"""The flags that name the network of the loss term "features"."""

from __future__ import annotations

import sys

from absl import flags

from tfinv.errors import UserError

__all__ = ["load_flagged_network"]


flags.DEFINE_string(
    "feature_network",
    None,
    "The network of the loss term features: whatever --generator can be, with one picture as its "
    "input. --loss='mse + 0.1*features' --feature_network=discriminator "
    "--feature_layer=8x8/Conv1.",
)
flags.DEFINE_string(
    "feature_layer",
    None,
    "Where its features are: a tensor, a scope, for the last tensor in it, or the end of one's "
    "name; or the key of an output. Its only output, if not given.",
)
flags.DEFINE_enum(
    "feature_range",
    None,
    ["-1,1", "0,1", "0,255"],
    "Values of black and white in the pictures it wants; read off its first operations if not "
    "given, and else -1,1.",
)
flags.DEFINE_integer(
    "feature_size",
    None,
    "Height and width of the pictures it wants; by default its input's own, 299 for InceptionV3, "
    "and else the generator's.",
    lower_bound=1,
)
flags.DEFINE_string("feature_signature", None, "Which signature to read, where it has several.")

flags.DEFINE_list("feature_input", [], "Its picture's tensor, for files that do not say.")
flags.DEFINE_string("feature_output", None, "A tensor behind the layer, likewise.")

_DETAILS = ("layer", "range", "size", "signature", "input", "output")


def load_flagged_network():
    """Loads the network that the flags name, and says what should be known of it.

    Returns:
      A FeatureNetwork, or None if the flags name none.

    Raises:
      UserError: if it cannot be used, or flags say something of a network that none names.
    """
    values = flags.FLAGS
    if values.feature_network is None:
        idle = [name for name in _DETAILS if values[f"feature_{name}"].value not in (None, [])]
        if idle:
            raise UserError(
                f"--feature_{idle[0]} says something of no network: add --feature_network"
            )
        return None
    from tfinv.features.network import FeatureNetwork

    network = FeatureNetwork(
        values.feature_network,
        values.feature_layer,
        image_range=values.feature_range,
        size=values.feature_size,
        signature=values.feature_signature,
        inputs=values.feature_input,
        output=values.feature_output,
    )
    for note in network.notes:
        print(f"note: {note}", file=sys.stderr)
    return network

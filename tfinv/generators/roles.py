"""What each input of a model is for: latent, labels or truncation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tfinv.errors import UserError
from tfinv.graph.model import GraphModel, Port

__all__ = ["Roles", "find_roles"]

_LABEL_KEYS = ("y", "label", "labels", "class", "classes", "class_id", "c")


@dataclass(frozen=True)
class Roles:
    """The inputs of a generator by what they mean.

    Attributes:
      latent: float [?, d].
      labels: one-hot [?, classes] of any number type, or integers [?] or [?, 1]; None if
        unconditional.
      scalars: single numbers such as a truncation, which are constants of an inversion.
    """

    latent: Port
    labels: Port | None
    scalars: tuple[Port, ...]

    @property
    def latent_size(self) -> int:
        """Length of z."""
        return self.latent.shape[1]

    @property
    def classes(self) -> int | None:
        """Number of classes, if the labels are one-hot."""
        one_hot = self.labels is not None and len(self.labels.shape or ()) == 2
        return self.labels.shape[1] if one_hot and self.labels.shape[1] != 1 else None


def find_roles(model: GraphModel) -> Roles:
    """Tells the inputs of a generator apart by dtype and shape, by key only between equals.

    Raises:
      UserError: if no input, or more than one, can be the latent; or if an input fits no role.
    """
    scalars = [p for p in model.inputs if p.dtype.is_floating and p.shape == ()]
    vectors = [p for p in model.inputs if p.dtype.is_floating and _is_vector(p)]
    integers = [p for p in model.inputs if p.dtype.is_integer and _is_label(p)]
    known = {p.key for p in (*scalars, *vectors, *integers)}
    strange = [p for p in model.inputs if p.key not in known]
    labels = integers + [p for p in vectors if len(vectors) > 1 and p.key.lower() in _LABEL_KEYS]
    latents = [p for p in vectors if p not in labels]
    if strange or len(latents) != 1 or len(labels) > 1:
        raise UserError(
            f"{model.path} does not look like a generator: it takes {_describe(model.inputs)}, "
            "where one latent of shape [batch, size] is needed, and at most labels and scalars "
            "beside it; name another signature with --signature"
        )
    return Roles(latents[0], labels[0] if labels else None, tuple(scalars))


def _is_vector(port: Port) -> bool:
    return port.shape is not None and len(port.shape) == 2 and port.shape[1] is not None


def _is_label(port: Port) -> bool:
    if port.shape is None or len(port.shape) == 1:
        return True
    return len(port.shape) == 2 and port.shape[1] is not None


def _describe(ports: Sequence[Port]) -> str:
    if not ports:
        return "no input"
    return ", ".join(
        f"{p.key} {p.dtype.name} {'?' if p.shape is None else list(p.shape)}" for p in ports
    )

"""Attribute vectors: learnt from stored codes, kept in files, and moved along."""

from __future__ import annotations

import dataclasses
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfinv.applications.codes import Codes
from tfinv.applications.editing.learning import About, learn
from tfinv.applications.inverted import Inverted
from tfinv.errors import UserError
from tfinv.generators.split import LATENT, Split

__all__ = ["AttributeVector", "as_rows", "learn_vector", "load_vector", "move", "save_vector"]

_DAMAGED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclasses.dataclass(frozen=True, eq=False)
class AttributeVector:
    """Where codes with an attribute lie, seen from those without.

    Attributes:
      code: float32 [*code_shape]; as long as the distance of both means along it.
      latent: float32 [latent_size], the same for what is read of z beside the code; None if nothing
        is.
      layer: where the codes are, the name of the tensor.
      generator: the digest of the generator.
      about: what it was learnt from.
    """

    code: np.ndarray
    latent: np.ndarray | None
    layer: str
    generator: str
    about: About

    @property
    def row(self) -> np.ndarray:
        """Code and latent as one row, float64 [D]."""
        parts = [self.code] if self.latent is None else [self.code, self.latent]
        return np.concatenate([np.ravel(part) for part in parts]).astype(np.float64)


def learn_vector(
    inverted: Inverted,
    name: str,
    labels: Mapping[str, np.ndarray],
    held: Sequence[str] = (),
    method: str = "mean",
    seed: int = 0,
) -> AttributeVector:
    """Learns the vector of an attribute from the codes of labelled pictures.

    Args:
      inverted: the pictures.
      name: of the attribute.
      labels: float [N] by attribute, 1.0, 0.0, or NaN for pictures that are not used.
      held: attributes that are to stay as they are.
      method: a name in `directions.METHODS`.
      seed: of what is held back to measure the accuracy.

    Raises:
      UserError: if too few pictures are labelled, or the attribute cannot be told from another.
    """
    split = inverted.split
    found, about = learn(as_rows(split, inverted.points), labels, name, held, method, seed)
    size, latent = int(np.prod(split.code_shape)), None
    if _reads_latent(split):
        latent = np.where(split.latent_read, found[size:], 0.0).astype(np.float32)
    return AttributeVector(
        code=found[:size].reshape(split.code_shape).astype(np.float32),
        latent=latent,
        layer=split.layer.name,
        generator=inverted.generator.digest,
        about=about,
    )


def as_rows(split: Split, points: Codes) -> np.ndarray:
    """Points as float64 [N, D]: the code, and z where it is read beside it, 0 where it is not."""
    rows = [np.reshape(points.codes, [len(points), -1])]
    if _reads_latent(split):
        rows.append(np.where(split.latent_read, points.latents, 0.0))
    return np.concatenate(rows, 1).astype(np.float64)


def move(points: Codes, vector: AttributeVector, strength: float) -> Codes:
    """Moves codes along a vector, and what is read of z beside them.

    Args:
      points: at the vector's layer.
      vector: which one.
      strength: how far; 1 is from the mean of the pictures without the attribute to that of those
        with it. Negative ones take the attribute away.
    """
    step = np.float32(strength)
    codes, latents = points.codes + step * vector.code, points.latents
    if vector.layer == LATENT:
        latents = codes
    elif vector.latent is not None:
        latents = latents + step * vector.latent
    return points.replace(codes=codes, latents=latents)


def save_vector(file: BinaryIO, vector: AttributeVector) -> None:
    """Writes a vector as an .npz file: `code`, `latent` if there is one, and `about`, JSON."""
    about = {
        **dataclasses.asdict(vector.about),
        "layer": vector.layer,
        "generator": vector.generator,
    }
    arrays = {"code": vector.code, "about": np.asarray(json.dumps(about))}
    if vector.latent is not None:
        arrays["latent"] = vector.latent
    np.savez_compressed(file, **arrays)


def load_vector(path: str | Path, inverted: Inverted) -> AttributeVector:
    """Reads a vector that `save_vector` wrote, for other pictures of the same generator and layer.

    Args:
      path: of the file.
      inverted: the pictures that are to be moved along it.

    Raises:
      UserError: if it is no such file, of another generator or layer, or not finite.
    """
    try:
        with open(Path(path).expanduser(), "rb") as file, np.load(file) as arrays:
            about = json.loads(str(arrays["about"]))
            code = arrays["code"].astype(np.float32)
            latent = arrays["latent"].astype(np.float32) if "latent" in arrays else None
        layer, generator = about.pop("layer"), about.pop("generator")
        pairs = {"held": tuple(about.pop("held")), "counts": tuple(about.pop("counts"))}
        vector = AttributeVector(code, latent, layer, generator, About(**pairs, **about))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise UserError(f"{path}: is no attribute vector that tfinv has written") from error
    split, path_of = inverted.split, inverted.generator.path
    if vector.generator != inverted.generator.digest:
        raise UserError(
            f"{path}: is of another generator than {path_of}: its graph or weights differ"
        )
    if vector.layer != split.layer.name or code.shape != tuple(split.code_shape):
        raise UserError(
            f"{path}: is of the layer {vector.layer}, and the codes are at {split.layer.name}: "
            "choose another --stage or --edit_layer"
        )
    if (latent is not None) != _reads_latent(split) or (
        latent is not None and latent.shape != (split.latent_size,)
    ):
        raise UserError(f"{path}: does not fit what {path_of} reads of z behind {vector.layer}")
    if not np.isfinite(vector.row).all():
        raise UserError(f"{path}: has numbers that are not finite: learn it again")
    return vector


def _reads_latent(split: Split) -> bool:
    return split.reads_latent and not split.is_latent

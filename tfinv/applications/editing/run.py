"""Edits of stored pictures: along vectors, by painting, and towards features."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfinv.applications.codes import Codes, draw
from tfinv.applications.editing.carrying import Carried, Carrier
from tfinv.applications.editing.features import move_features, share_of_the_way
from tfinv.applications.editing.painting import paint, painting_errors
from tfinv.applications.editing.strips import Strip
from tfinv.applications.editing.vectors import AttributeVector, as_rows, move
from tfinv.applications.inverted import Inverted
from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork
from tfinv.results.files import slug
from tfinv.results.parts import Parts

__all__ = ["Watch", "at_layer", "edit_features", "edit_painting", "move_along", "take_pictures"]

_AT_ONCE = 32

PICTURE, RECONSTRUCTION = "picture", "reconstruction"


@dataclasses.dataclass(frozen=True)
class Watch:
    """Who is told how an edit goes on.

    Attributes:
      on_done: called with the number of pictures that are done.
      on_progress: called with what is being done, every few dozen steps.
    """

    on_done: Callable[[int], None] = lambda count: None
    on_progress: Callable[[str], None] = lambda text: None


SILENT = Watch()


def take_pictures(inverted: Inverted, rows: Sequence[int]) -> Inverted:
    """Some of the pictures, in the order given."""
    results, rows = inverted.results, list(rows)
    chosen = {}
    for field in dataclasses.fields(results):
        values = getattr(results, field.name)
        if isinstance(values, np.ndarray):
            chosen[field.name] = values[rows]
        elif isinstance(values, list):
            chosen[field.name] = [values[row] for row in rows]
    return dataclasses.replace(
        inverted,
        results=dataclasses.replace(results, **chosen),
        points=inverted.points.take(rows),
    )


def at_layer(inverted: Inverted, layer: str) -> Inverted:
    """The same pictures with their points carried on to a later layer.

    Args:
      inverted: the pictures; their stored results stay as they are.
      layer: as for `Generator.split`.

    Raises:
      UserError: if there is no such layer, or the codes do not reach it.
    """
    here, there = inverted.split, inverted.generator.split(layer)
    if there.layer.name == here.layer.name:
        return inverted
    if not here.reaches(there):
        raise UserError(
            f"the codes at {here.layer.name} lead to no {there.layer.name}: choose a layer behind "
            "it, or another --stage"
        )
    points, codes = inverted.points, []
    for first in range(0, len(points), _AT_ONCE):
        batch = points.take(slice(first, first + _AT_ONCE))
        z = batch.latents
        if z is None:
            z = np.zeros([len(batch), here.latent_size], np.float32)
        codes.append(here.follow(batch.codes, there, z, batch.labels).numpy())
    moved = points.replace(codes=np.concatenate(codes))
    return dataclasses.replace(inverted, split=there, points=moved)


def move_along(
    inverted: Inverted, vector: AttributeVector, strengths: Sequence[float], watch: Watch = SILENT
) -> Strip:
    """Pictures moved along an attribute vector.

    At strength 0 a picture is the stored reconstruction, to the bit.

    Args:
      inverted: N pictures at the vector's layer.
      vector: which one.
      strengths: how far, in distances of the two means; see `AttributeVector`.
      watch: is told.
    """
    points, images = [], []
    for strength in strengths:
        moved = move(inverted.points, vector, strength)
        points.append(moved)
        images.append(draw(inverted.split, moved) if strength else inverted.results.images)
        watch.on_done(len(inverted))
    length = float(np.linalg.norm(vector.row))
    distance = [np.full(len(inverted), abs(strength) * length) for strength in strengths]
    return Strip(
        name=vector.about.name,
        said=vector.about.said,
        strengths=tuple(strengths),
        points=tuple(points),
        images=np.stack(images),
        numbers={"distance": np.stack(distance)},
        beside=_beside(inverted, 0.0 in strengths),
        titles=_titles(strengths),
    )


def edit_painting(
    inverted: Inverted,
    carrier: Carrier,
    painted: np.ndarray,
    masks: np.ndarray,
    parts: Parts | None = None,
    watch: Watch = SILENT,
) -> Strip:
    """Pictures whose codes draw what is painted on them.

    Args:
      inverted: N pictures at the carrier's layer.
      carrier: from `painting.painter`.
      painted: float32 [N, H, W, C] in [0, 1].
      masks: float32 [N, H, W, 1] in [0, 1].
      parts: the folder that keeps what is done.
      watch: is told.
    """
    images = inverted.results.images

    def carry(on_progress: Callable[[int], None]) -> Carried:
        return paint(carrier, inverted.points, images, painted, masks, on_progress)

    found = _once(parts, "painting", inverted, [painted, masks], carry, watch)
    before, _ = painting_errors(images, images, painted, masks)
    inside, outside = painting_errors(found.images, images, painted, masks)
    shown = masks * painted + (1.0 - masks) * images
    return Strip(
        name="painting",
        said="RMSE inside the mask to what is painted, and outside it to the reconstruction",
        strengths=(1.0,),
        points=(found.points,),
        images=found.images[None],
        numbers={
            "rmse_inside_before": before[None],
            "rmse_inside": inside[None],
            "rmse_outside": outside[None],
            **_numbers([found]),
        },
        beside={**_beside(inverted, False), "painted": shown},
        titles=("edited",),
        captions=[[f"{a:.3f}, {b:.3f}" for a, b in zip(inside, outside, strict=True)]],
    )


def edit_features(
    inverted: Inverted,
    carrier: Carrier,
    network: FeatureNetwork,
    ways: np.ndarray,
    strengths: Sequence[float],
    name: str,
    said: str,
    parts: Parts | None = None,
    watch: Watch = SILENT,
) -> Strip:
    """Pictures whose codes draw what a network sees elsewhere.

    Args:
      inverted: N pictures at the carrier's layer.
      carrier: from `features.feature_mover`.
      network: the same.
      ways: float32 [N, D], how the features change at strength 1.
      strengths: of the change; at 0 a picture is the stored reconstruction.
      name: of the edit.
      said: a line about it.
      parts: the folder that keeps what is done.
      watch: is told.
    """
    images, made = inverted.results.images, []
    for strength in strengths:
        if not strength:
            made.append(_unmoved(inverted))
            watch.on_done(len(inverted))
            continue
        way = np.float32(strength) * ways

        def carry(on_progress: Callable[[int], None], way: np.ndarray = way) -> Carried:
            return move_features(carrier, network, inverted.points, images, way, on_progress)

        made.append(_once(parts, f"{slug(name)}_{strength:g}", inverted, [way], carry, watch))
    shares = [share_of_the_way(network, found.images, images, ways) for found in made]
    return Strip(
        name=name,
        said=said,
        strengths=tuple(strengths),
        points=tuple(found.points for found in made),
        images=np.stack([found.images for found in made]),
        numbers={"share_of_the_way": np.stack(shares), **_numbers(made)},
        beside=_beside(inverted, 0.0 in strengths),
        titles=_titles(strengths),
        captions=[[f"{share:+.2f} of the way" for share in row] for row in shares],
    )


def _once(
    parts: Parts | None,
    name: str,
    inverted: Inverted,
    wishes: Sequence[np.ndarray],
    carry: Callable[[Callable[[int], None]], Carried],
    watch: Watch,
) -> Carried:
    """What a folder holds already, or what is carried now, and kept there."""
    names, points = inverted.results.names, inverted.points
    given = hashlib.blake2b(digest_size=6)
    for array in (as_rows(inverted.split, points), inverted.results.images, *wishes):
        given.update(np.ascontiguousarray(array))
    part = f"{_part_name(name)}-{given.hexdigest()}"
    kept = None if parts is None else parts.find(part, names)
    if kept is None:
        watch.on_progress(f"{name}, 0 evaluations")
        found = carry(lambda evaluations: watch.on_progress(f"{name}, {evaluations} evaluations"))
        kept = _to_arrays(found)
        if parts is not None:
            parts.add(part, names, kept)
    watch.on_done(len(inverted))
    return _from_arrays(kept, points)


def _part_name(name: str) -> str:
    """A name as that of a part, which has no dots."""
    return slug(name).replace(".", "_").replace("+", "_")


def _to_arrays(found: Carried) -> dict[str, np.ndarray]:
    arrays = {
        "codes": found.points.codes,
        "images": found.images,
        "distance": found.distance,
        "evaluations": found.evaluations,
        "status": np.asarray(found.status, np.str_),
    }
    if found.points.latents is not None:
        arrays["latents"] = found.points.latents
    return arrays


def _from_arrays(kept: Mapping[str, np.ndarray], points: Codes) -> Carried:
    return Carried(
        points.replace(codes=kept["codes"], latents=kept.get("latents")),
        kept["images"],
        kept["distance"],
        kept["evaluations"],
        tuple(map(str, kept["status"])),
    )


def _unmoved(inverted: Inverted) -> Carried:
    count = len(inverted)
    nothing = np.zeros(count)
    return Carried(
        inverted.points,
        inverted.results.images,
        nothing,
        nothing.astype(np.int32),
        ("as it was",) * count,
    )


def _numbers(made: Sequence[Carried]) -> dict[str, np.ndarray]:
    return {
        "distance": np.stack([found.distance for found in made]),
        "evaluations": np.stack([found.evaluations for found in made]),
        "status": np.stack([np.asarray(found.status, np.str_) for found in made]),
    }


def _beside(inverted: Inverted, has_zero: bool) -> dict[str, np.ndarray]:
    """The pictures themselves, and their reconstructions unless strength 0 shows them."""
    shown = {PICTURE: inverted.results.targets}
    return shown if has_zero else {**shown, RECONSTRUCTION: inverted.results.images}


def _titles(strengths: Sequence[float]) -> tuple[str, ...]:
    return tuple(RECONSTRUCTION if not s else f"{s:+g}" for s in strengths)

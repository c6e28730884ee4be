"""Shows what a generator is and at which layers it can be cut.

    python -m tfinv.inspect --generator=dcgan_cifar10
    python -m tfinv.inspect --generator=path/to/module --json

Every layer in the table can be given to --layer or --stages of `python -m tfinv.invert`, by its
name or by the end of its name that no other has. The first dense layer is marked: `--layer=dense`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence

from absl import flags

from tfinv.commands import generator_flags
from tfinv.commands.main import import_tensorflow, run_main

_JSON = flags.DEFINE_bool("json", False, "Print JSON instead of a table.")


def describe(generator) -> dict:
    """What the table shows, as plain data.

    Args:
      generator: a `tfinv.Generator`.

    Returns:
      A dictionary of strings, numbers and lists; `layers` holds one dictionary for each layer,
      `inputs` one for each input of the file.
    """
    layers = [
        {
            "name": layer.name,
            "op": layer.op,
            "shape": list(layer.shape),
            "size": layer.size,
            "dense": layer.dense,
        }
        for layer in generator.layers()
    ]
    latent = {
        "name": "latent",
        "op": "Placeholder",
        "shape": [generator.latent_size],
        "size": generator.latent_size,
        "dense": False,
    }
    border = generator.border
    return {
        "generator": generator.path,
        "format": generator.producer,
        "latent_size": generator.latent_size,
        "chunks": [list(chunk) for chunk in generator.chunks],
        "conditional": generator.conditional,
        "classes": generator.classes,
        "class_names": generator.class_names and generator.class_names.source,
        "image_shape": list(generator.image_shape),
        "image_range": border.range,
        "image_range_from": border.range_from,
        "image_layout": border.layout,
        "image_layout_from": border.layout_from,
        "inputs": list(generator.inputs.table()),
        "samples": str(generator.prior),
        "notes": generator.notes,
        "dense_layer": _around_dense(generator),
        "layers": [latent, *layers],
    }


def _around_dense(generator) -> dict | None:
    """Which chunks of z (from 1) are read up to the dense layer and behind it; None without one."""
    dense = next((layer for layer in generator.layers() if layer.dense), None)
    if dense is None:
        return None
    split = generator.split(dense.name)
    before, labels_before = generator.what_reaches(dense.name)

    def chunks(read) -> list[int]:
        return [k + 1 for k, (a, b) in enumerate(generator.chunks) if read[a:b].any()]

    return {
        "name": dense.name,
        "chunks_before": chunks(before),
        "labels_before": labels_before,
        "chunks_behind": chunks(split.latent_read),
        "labels_behind": split.reads_labels,
    }


def table(facts: dict) -> str:
    """The facts of `describe` as text."""
    height, width, channels = facts["image_shape"]
    classes = "" if not facts["conditional"] else f", labels ({facts['classes'] or '?'} classes)"
    lines = [
        f"{facts['generator']}: {facts['format']}",
        f"latent {facts['latent_size']}{classes} -> {height}x{width}x{channels} picture, values in "
        f"[{facts['image_range']}] ({facts['image_range_from']}), {facts['image_layout']}",
        *_hierarchy(facts),
        "",
        *_aligned(
            [("input", "role", "dtype and shape", "value"), *map(_input_row, facts["inputs"])]
        ),
        "",
    ]
    pixels = math.prod(facts["image_shape"])
    rows = [("layer", "operation", "shape", "size", "of the picture", "")]
    for layer in facts["layers"]:
        shape = "x".join(map(str, layer["shape"]))
        mark = "<- first dense layer: --layer=dense" if layer["dense"] else ""
        share = f"{layer['size'] / pixels:.2f}"
        rows.append((layer["name"], layer["op"], shape, str(layer["size"]), share, mark))
    return "\n".join([*lines, *_aligned(rows, right=(3, 4))])


def _hierarchy(facts: dict) -> list[str]:
    """A line on how z is cut and what reads which part of it, where that is not plain."""
    sizes = {stop - start for start, stop in facts["chunks"]}
    cut = len(facts["chunks"])
    text = f"latent {facts['latent_size']}"
    if cut > 1:
        each = f"{cut} chunks of {sizes.pop()}" if len(sizes) == 1 else f"{cut} chunks"
        text = f"{text} = {each}"
    dense = facts["dense_layer"]
    if dense is None:
        return [text] if cut > 1 else []
    before, behind = (
        _reads(dense[f"chunks_{side}"], cut, dense[f"labels_{side}"])
        for side in ("before", "behind")
    )
    if cut == 1 and not (dense["chunks_behind"] or dense["labels_behind"]):
        return []
    return [f"{text}; the dense layer reads {before}, what is behind it reads {behind}"]


def _reads(numbers: Sequence[int], count: int, labels: bool) -> str:
    parts = [_chunks(numbers, count)] if numbers else []
    return " and ".join([*parts, *(["the labels"] if labels else [])]) or "no input"


def _chunks(numbers: Sequence[int], count: int) -> str:
    if count == 1:
        return "the latent"
    if len(numbers) == 1:
        return f"chunk {numbers[0]}"
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"chunks {numbers[0]} to {numbers[-1]}"
    return f"chunks {', '.join(map(str, numbers))}"


def _input_row(row: dict) -> tuple[str, ...]:
    shape = (
        "?"
        if row["shape"] is None
        else ", ".join("?" if d is None else str(d) for d in row["shape"])
    )
    return row["key"], row["role"], f"{row['dtype']} [{shape}]", row["value"]


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(w) if k in right else cell.ljust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def main(argv: Sequence[str]) -> int:
    """Prints the table."""
    del argv
    import_tensorflow()
    facts = describe(generator_flags.load_flagged_generator())
    print(json.dumps(facts, indent=2) if _JSON.value else table(facts))
    return 0


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.mark_flag_as_required("generator")
    sys.exit(run_main(main))

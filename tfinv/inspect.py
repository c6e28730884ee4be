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
      A dictionary of strings, numbers and lists; `layers` holds one dictionary for each layer.
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
    return {
        "generator": generator.path,
        "format": generator.producer,
        "latent_size": generator.latent_size,
        "conditional": generator.conditional,
        "classes": generator.classes,
        "image_shape": list(generator.image_shape),
        "image_range": generator.border.range,
        "image_layout": generator.border.layout,
        "notes": generator.notes,
        "layers": [latent, *layers],
    }


def table(facts: dict) -> str:
    """The facts of `describe` as text."""
    height, width, channels = facts["image_shape"]
    classes = "" if not facts["conditional"] else f", labels ({facts['classes'] or '?'} classes)"
    lines = [
        f"{facts['generator']}: {facts['format']}",
        f"latent {facts['latent_size']}{classes} -> {height}x{width}x{channels} picture, values in "
        f"[{facts['image_range']}], {facts['image_layout']}",
        "",
    ]
    pixels = math.prod(facts["image_shape"])
    rows = [("layer", "operation", "shape", "size", "of the picture", "")]
    for layer in facts["layers"]:
        shape = "x".join(map(str, layer["shape"]))
        mark = "<- first dense layer: --layer=dense" if layer["dense"] else ""
        share = f"{layer['size'] / pixels:.2f}"
        rows.append((layer["name"], layer["op"], shape, str(layer["size"]), share, mark))
    widths = [max(len(row[k]) for row in rows) for k in range(6)]
    for row in rows:
        cells = [
            cell.rjust(w) if k in (3, 4) else cell.ljust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


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

"""Cuts inverted pictures into regions, by the attention with which the generator draws them.

    python -m tfinv.invert --flagfile=configs/biggan.cfg --images=photos/ --label=tabby
    python -m tfinv.segment --results=biggan --clusters=8,20,40 --output_dir=segments

In a generator with a self-attention block, each position of the picture says how much it takes from
each other. Positions that take from each other are put together (thesis, section 8.2): the map is
averaged with its transpose, one minus that is how unlike two positions are, and clusters merge by
average linkage. All numbers of regions are cut out of the one hierarchy. Nobody has told the
generator what regions are.

The map is found in the graph; --attention names one where there are several. It has to be computed
from the stored code: with the code at a layer behind it, there is nothing to read.

--masks gives reference regions, a picture for each, called as its picture is: every colour is a
region. Then each number of regions gets its adjusted Rand index (1 for the same regions, 0 for
chance) and its mean intersection over union.

The output folder gets labels-*.png (indexed, in the size of the pictures) and labels-*.npy,
means-*.png with each region in its mean colour, sheet-*.png to look at, segments.csv and
segments.json with the scores, and config.cfg. A run that was stopped goes on when the same command
is given again. Exit status: 0, or 2 if nothing could start. docs/SEGMENT.md explains the numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfinv.commands import generator_flags, inversion_flags, results_flags
from tfinv.commands.config import config_text, refuse_strangers
from tfinv.commands.main import import_tensorflow, run_main
from tfinv.errors import UserError

_ATTENTION = flags.DEFINE_string(
    "attention",
    None,
    "Tensor of the attention map, in full or its end after a '/'; by default the map with most "
    "positions.",
)
_CLUSTERS = flags.DEFINE_list(
    "clusters",
    ["8", "20", "40"],
    "Numbers of regions, separated by commas; the thesis's are these.",
)
_MASKS = flags.DEFINE_list(
    "masks", None, "Reference regions: files, folders or globs, called as the pictures are."
)

_SHARED = ("output_dir", "overwrite")


def main(argv: Sequence[str]) -> int:
    """Segments the pictures, says what it found, returns the exit status."""
    refuse_strangers(argv[0])
    clusters = _clusters()
    if _MASKS.value == []:
        raise UserError("--masks= names nothing: give files, folders or globs, or drop it")
    results_flags.check_results()
    import_tensorflow()
    from tfinv.applications.segmentation.maps import find_map
    from tfinv.applications.segmentation.masks import read_masks
    from tfinv.applications.segmentation.run import FILES, check_clusters, segment_pictures
    from tfinv.results.parts import Parts
    from tfinv.results.progress import Progress

    generator = results_flags.load_results_generator()
    found = find_map(generator, _ATTENTION.value)
    check_clusters(clusters, found)
    inverted = results_flags.load_flagged_results(generator)
    results, masks = inverted.results, None
    if _MASKS.value is not None:
        size = generator.image_shape[:2]
        masks = read_masks(_MASKS.value, results.names, results.notes, size)
    values, config = flags.FLAGS, config_text(argv[0], leave_out=inversion_flags.ELSEWHERE)
    with (
        Parts(
            values.output_dir, config_text=config, files=FILES, overwrite=values.overwrite
        ) as parts,
        Progress(len(inverted)) as progress,
    ):
        rows = segment_pictures(inverted, found, clusters, parts, masks, progress.update)
    _tell(inverted, found, clusters, rows)
    print(parts.folder / "sheet-000.png")
    return 0


def _clusters() -> list[int]:
    text = ",".join(_CLUSTERS.value)
    try:
        numbers = [int(number) for number in _CLUSTERS.value]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1 or len({*numbers}) < len(numbers):
        raise UserError(f"--clusters={text}: give different whole numbers from 1, as in 8,20,40")
    return numbers


def _tell(inverted, found, clusters, rows) -> None:
    for name, why in inverted.results.failed.items():
        print(f"note: {name} has no code: {why}", file=sys.stderr)
    queries, keys = found.queries, found.keys
    print(
        f"{len(inverted)} pictures by {found.name}: {queries.height}x{queries.width} positions, "
        f"{keys.height}x{keys.width} keys"
    )
    for count in clusters:
        scores = [(row.adjusted_rand_index, row.mean_iou) for row in rows if row.regions == count]
        if None not in scores[0]:
            rand, iou = (sum(column) / len(scores) for column in zip(*scores, strict=True))
            print(f"{count} regions: adjusted Rand index {rand:.3f}, mean IoU {iou:.3f}")


if __name__ == "__main__":
    flags.adopt_module_key_flags(generator_flags)
    flags.adopt_module_key_flags(results_flags)
    for name in _SHARED:
        flags.declare_key_flag(name)
    flags.mark_flags_as_required(["results", "output_dir"])
    sys.exit(run_main(main))

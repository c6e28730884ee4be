"""Labels that are found or interpolated: what is written, what is repeated, what is refused."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
import tensorflow as tf
from commands.running import Done, run
from features import networks
from generators import hierarchical, tiny

from tfinv.results.load import load_results

COUNT = 3
UNKNOWN = ("--label=unknown", "--ignore_labels")


@pytest.fixture(scope="module", name="saved")
def saved_files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("files")
    makers = (tiny.dcgan, tiny.labelled, hierarchical.hierarchical)
    paths = {maker.__name__: maker(folder / maker.__name__) for maker in makers}
    size = hierarchical.SIDE

    def scores(images):
        mean = tf.reduce_mean(images, [1, 2])
        return tf.concat([mean, tf.reduce_max(images, [1, 2, 3])[:, None]], 1)

    spec = {"x": (tf.float32, [None, size, size, 3])}
    return {**paths, "classifier": networks.saved(folder / "classifier", spec, scores)}


@pytest.fixture(name="invert")
def inverting(saved, tmp_path):
    """Inverts samples, whose classes are known and can be ignored."""

    def call(*more: str, generator="hierarchical", output_dir="out") -> Done:
        return run(
            "tfinv.invert",
            f"--generator={saved[generator]}",
            f"--images=sample:{COUNT}",
            "--layer=latent",
            f"--output_dir={tmp_path / output_dir}",
            "--solver=adam",
            "--max_evaluations=20",
            "--batch_size=2",
            *(argument.format(**saved) for argument in more),
        )

    return call


def rows(folder) -> list[dict]:
    with open(folder / "images.csv") as file:
        return list(csv.DictReader(file))


def drawn() -> list[int]:
    """The classes that samples of the run with seed 0 are drawn with; see `read_pictures`."""
    return hierarchical.loaded().sample_labels(COUNT, 1_000_003).tolist()


def test_labels_are_found_said_to_be_found_and_repeated(invert, tmp_path):
    done = invert(*UNKNOWN, "--label_evaluations=30")
    assert done.status == 0, done
    found = rows(tmp_path / "out")
    for row, label in zip(found, drawn(), strict=True):
        assert f"its own label {label} ignored; label found, not given" in row["note"]
        assert "the best of 4 tried" in row["note"]
        assert 20 < int(row["evaluations"]) <= 4 * 30 + 20
    stored = load_results(tmp_path / "out")
    assert stored.labels.tolist() == [int(row["label"]) for row in found]
    images = hierarchical.loaded()(stored.latents, stored.labels)
    np.testing.assert_allclose(images, stored.images, atol=1 / 255)
    config = tmp_path / "out" / "config.cfg"
    text = config.read_text()
    assert "--label_candidates=random:8\n" in text and "--label_evaluations=30\n" in text
    # It is the same run: nothing is left to do, and nothing is refused.
    again = run("tfinv.invert", f"--flagfile={config}", f"--output_dir={tmp_path / 'out'}")
    assert again.status == 0, again
    assert rows(tmp_path / "out") == found


def test_weights_alike_are_where_interpolated_labels_start(invert, tmp_path):
    assert invert("--label=interpolated", "--ignore_labels").status == 0
    stored = load_results(tmp_path / "out")
    assert stored.labels is None and stored.label_weights.shape == (COUNT, hierarchical.CLASSES)
    assert all(row["label"] == "" for row in rows(tmp_path / "out"))
    assert "--optimize=code,labels\n" in (tmp_path / "out" / "config.cfg").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ignore_labels",), ["--ignore_labels", "add --label"]),
        (("--label=1", "--label_candidates=random:3"), ["--label_candidates", "--label=unknown"]),
        (("--label_evaluations=3",), ["--label_evaluations", "--label=unknown"]),
        (("--classifier={classifier}",), ["--classifier", "--label=unknown"]),
        ((*UNKNOWN, "--classifier_size=9"), ["--classifier_size", "add --classifier"]),
        ((*UNKNOWN, "--label_candidates=best"), ["--label_candidates=best", "random:8"]),
        ((*UNKNOWN, "--label_candidates=top:5"), ["top:5 needs a --classifier"]),
        (
            (*UNKNOWN, "--label_candidates=random:5", "--classifier={classifier}"),
            ["random:5 takes no --classifier"],
        ),
        ((*UNKNOWN, "--classifier=no/such"), ["classifier 'no/such' does not exist"]),
        (
            ("--label=unknown", "--classifier={classifier}", "@labelled"),
            ["gives 4 numbers", "has 5 classes"],
        ),
        (("--label=interpolated", "--optimize=code"), ["add labels to --optimize=code"]),
        (("--label=unknown", "@dcgan"), ["takes no labels", "drop --label=unknown"]),
        (("--label=interpolated", "@labelled"), ["whole numbers", "no gradient"]),
    ],
)
def test_one_line_for_what_does_not_go_together(invert, tmp_path, options, words):
    generator = next((o[1:] for o in options if o[0] == "@"), "hierarchical")
    given = [option for option in options if option[0] != "@"]
    refused = invert(*given, generator=generator)
    refused.refused(*words)
    assert not (tmp_path / "out").exists()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

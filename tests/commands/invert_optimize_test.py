"""`python -m tfinv.invert --optimize`: what it changes, what it leaves, what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from commands.running import Done, run
from generators import hierarchical, tiny

from tfinv.results.load import iterate_results, load_results


@pytest.fixture(scope="module", name="saved")
def saved_generators(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("generators")
    makers = (tiny.dcgan, tiny.labelled, hierarchical.hierarchical)
    return {maker.__name__: maker(folder / maker.__name__) for maker in makers}


@pytest.fixture(name="invert")
def inverting(saved, tmp_path):
    """Inverts two samples."""

    def call(*more: str, generator="hierarchical", output_dir="out") -> Done:
        return run(
            "tfinv.invert",
            f"--generator={saved[generator]}",
            "--images=sample:2",
            f"--output_dir={tmp_path / output_dir}",
            "--solver=adam",
            "--max_evaluations=20",
            *more,
        )

    return call


def stored(folder) -> dict:
    rows = iterate_results(folder)
    return {(r.index, r.stage): (r.code, r.latent, r.label_weights) for r in rows}


def same(one: dict, other: dict) -> bool:
    pairs = [(a, b) for key in one for a, b in zip(one[key], other[key], strict=True)]
    return one.keys() == other.keys() and all(
        (a is None and b is None) or np.array_equal(a, b) for a, b in pairs
    )


def test_what_is_optimised_by_default_is_written_down_and_can_be_asked_for(invert, tmp_path):
    assert invert().status == 0
    config = tmp_path / "out" / "config.cfg"
    assert "--optimize=code,latent\n" in config.read_text()
    again = run("tfinv.invert", f"--flagfile={config}", f"--output_dir={tmp_path / 'two'}")
    assert again.status == 0, again
    assert same(stored(tmp_path / "out"), stored(tmp_path / "two"))
    z, final = (load_results(tmp_path / "out", stage).latents for stage in ("latent", "dense"))
    assert np.any(z != final)


def test_the_code_alone(invert, tmp_path):
    assert invert("--optimize=code").status == 0
    z, final = (load_results(tmp_path / "out", stage).latents for stage in ("latent", "dense"))
    np.testing.assert_array_equal(z, final)
    assert "--optimize=code\n" in (tmp_path / "out" / "config.cfg").read_text()
    # Another wish is another run.
    other = invert("--optimize=code,labels")
    assert other.status == 2
    assert "--optimize=code there, --optimize=code,labels now" in other.err


def test_labels_are_optimised_where_asked(invert, tmp_path):
    assert invert("--optimize=code,latent,labels").status == 0
    found = load_results(tmp_path / "out")
    assert found.label_weights.shape == (2, hierarchical.CLASSES)
    assert np.any(found.label_weights != np.eye(hierarchical.CLASSES)[found.labels])


def test_a_generator_with_nothing_beside_the_code_is_as_it_was(invert, tmp_path):
    assert invert(generator="dcgan").status == 0
    assert invert("--optimize=code", generator="dcgan", output_dir="two").status == 0
    assert same(stored(tmp_path / "out"), stored(tmp_path / "two"))
    configs = [(tmp_path / name / "config.cfg").read_text() for name in ("out", "two")]
    assert configs[0] == configs[1] and "--optimize=code\n" in configs[0]


@pytest.mark.parametrize(
    ("generator", "flags", "words"),
    [
        ("dcgan", ["--optimize=code,latent"], "reads no latent behind"),
        ("dcgan", ["--optimize=code,labels"], "reads no labels behind"),
        ("labelled", ["--optimize=code,labels"], "labels as whole numbers"),
        ("hierarchical", ["--optimize=code,z"], "'z' cannot be optimised: code, latent, labels"),
        ("hierarchical", ["--optimize=latent"], "the code is always optimised"),
        ("hierarchical", ["--optimize=code,latent", "--layer=latent"], "the code is z itself"),
    ],
)
def test_wishes_that_cannot_come_true_are_one_line(invert, generator, flags, words):
    done = invert(*flags, generator=generator)
    assert done.status == 2 and done.err.count("error: ") == 1 and "Traceback" not in done.err
    assert words in done.err


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

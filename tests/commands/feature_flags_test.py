"""The flags of the loss term "features": a run, its config, and one line for what is missing."""

from __future__ import annotations

import sys

import pytest
from commands.running import Done, run
from features import networks
from generators import tiny

QUICK = ("--solver=adam", "--max_evaluations=9", "--batch_size=2", "--layer=latent")
NETWORK = ("--feature_layer=8x8/Conv1", "--feature_range=-1,1")
LOSS = "--loss=mse + 0.1*features"


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> str:
    return tiny.dcgan(tmp_path_factory.mktemp("generator") / "dcgan")


@pytest.fixture
def invert(generator, tmp_path):
    def call(*more: str, output_dir="out") -> Done:
        out = f"--output_dir={tmp_path / output_dir}"
        return run("tfinv.invert", f"--generator={generator}", "--images=sample:2", out, *more)

    return call


def test_a_run_says_what_it_compares_and_its_config_repeats_it(invert, tmp_path):
    network = f"--feature_network={networks.critic_path()}"
    done = invert(*QUICK, LOSS, network, *NETWORK)
    assert done.status == 0, done
    assert "features are D_paper/8x8/Conv1/LeakyRelu/Maximum:0" in done.err
    config = tmp_path / "out" / "config.cfg"
    lines = config.read_text().splitlines()
    assert {network, *NETWORK, LOSS} <= set(lines)
    again = invert(f"--flagfile={config}", output_dir="again")
    assert again.status == 0, again
    one, other = ((tmp_path / name / "images.csv").read_text() for name in ("out", "again"))
    assert one == other
    # The term is part of what was minimised: without it, codes are others.
    assert invert(*QUICK, output_dir="plain").status == 0
    assert (tmp_path / "plain" / "images.csv").read_text() != one


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((LOSS,), ["of no network", "--feature_network"]),
        ((LOSS, "--feature_layer=8x8/Conv1"), ["--feature_layer", "add --feature_network"]),
        (("--feature_size=64",), ["--feature_size", "add --feature_network"]),
        (("{network}", "--feature_layer=8x8/Conv1"), ["no features", "0.1*features"]),
        ((LOSS, "{network}", "--feature_layer=8x8/Conv7"), ["'8x8/Conv7'", "8x8/Conv1"]),
        ((LOSS, "{network}", "--feature_layer=4x4"), ["others of its batch"]),
        ((LOSS, "--feature_network=no/such"), ["'no/such' does not exist"]),
        ((LOSS, "{network}", "--feature_range=0,2"), ["feature_range", "0,255"]),
        (("--loss=mse + 0.1*lpips", "{network}"), ["lpips", "features"]),
        ((LOSS, "{network}", "--feature_weights=some.h5"), ["drop --feature_weights"]),
        ((LOSS, "--feature_weights=some.h5"), ["--feature_weights", "add --feature_network"]),
        (
            (LOSS, "--feature_network=inception_v3", "--feature_weights=no/such.h5"),
            ["no/such.h5", "no such file"],
        ),
    ],
)
def test_one_line_for_what_does_not_go_together(invert, tmp_path, options, words):
    network = f"--feature_network={networks.critic_path()}"
    given = [network if option == "{network}" else option for option in options]
    invert(*QUICK, *given).refused(*words)
    assert not (tmp_path / "out").exists()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

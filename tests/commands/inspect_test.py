"""`python -m tfinv.inspect`: the table, the JSON, and one line for whatever is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from commands.running import Done, run, run_apart
from generators import tiny

from tfinv.generators.formats.registry import FORMATS
from tfinv.generators.load import load_generator


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("generators")
    makers = (tiny.dcgan, tiny.labelled, tiny.two_signatures, tiny.without_dense)
    return {maker.__name__: maker(folder / maker.__name__) for maker in makers}


@pytest.fixture
def inspect(saved):
    def call(generator: str, *more: str) -> Done:
        return run("tfinv.inspect", f"--generator={saved.get(generator, generator)}", *more)

    return call


def test_the_table_shows_every_layer_and_marks_the_dense_one(inspect, saved):
    done = inspect("labelled")
    assert (done.status, done.err) == (0, "")
    for layer in load_generator(saved["labelled"]).layers():
        [line] = [line for line in done.out.splitlines() if line.startswith(f"{layer.name} ")]
        words = line.split()
        assert words[1:4] == [layer.op, "x".join(map(str, layer.shape)), str(layer.size)]
        assert words[4] == f"{layer.size / 192:.2f}"
        assert ("--layer=dense" in line) == layer.dense
    for words in ("TF2 SavedModel", "latent 8, labels (5 classes)", "8x8x3", "[-1,1]", "NHWC"):
        assert words in done.out


def test_every_layer_in_the_table_can_be_given_to_invert(inspect, saved):
    generator = load_generator(saved["dcgan"])
    facts = json.loads(inspect("dcgan", "--json").out)
    for layer in facts["layers"]:
        assert generator.split(layer["name"]).code_shape == tuple(layer["shape"])


def test_json(inspect, saved):
    facts = json.loads(inspect("labelled", "--json").out)
    assert facts["generator"] == saved["labelled"]
    assert (facts["latent_size"], facts["classes"], facts["conditional"]) == (8, 5, True)
    assert facts["image_shape"] == [8, 8, 3]
    assert [layer["dense"] for layer in facts["layers"]].count(True) == 1
    assert facts["layers"][0]["name"] == "latent" and facts["layers"][0]["shape"] == [8]


def test_every_input_has_its_role_and_its_value(inspect):
    facts = json.loads(inspect("labelled", "--json").out)
    roles = {row["key"]: (row["role"], row["value"]) for row in facts["inputs"]}
    assert roles == {
        "z": ("latent", "sampled from N(0, 1)"),
        "label": ("labels", "numbers, 5 classes"),
    }
    assert facts["image_range_from"] == "Tanh" and facts["chunks"] == [[0, 8]]
    out = inspect("labelled").out
    assert "values in [-1,1] (Tanh), NHWC" in out
    assert "the dense layer reads the latent, what is behind it reads the labels" in out
    assert "what is behind it" not in inspect("dcgan").out


def test_the_chunks_of_a_hierarchical_generator(tmp_path):
    tiny.session(tmp_path / "m", "biggan", hub=True)
    generator = f"--generator={tmp_path / 'm'}"
    done = run("tfinv.inspect", generator, "--truncation=0.5")
    assert (
        "latent 15 = 3 chunks of 5; the dense layer reads chunk 1, what is behind it reads "
        "chunks 2 to 3 and the labels" in done.out
    )
    [line] = [line for line in done.out.splitlines() if line.startswith("truncation")]
    assert line.split() == ["truncation", "constant", "float32", "[]", "0.5"]
    assert "sampled from 0.5 x N(0, 1) truncated to [-2, 2]" in done.out
    by_key = run("tfinv.inspect", generator, "--constants=truncation=0.5")
    assert by_key.out == done.out
    run("tfinv.inspect", generator, "--truncation=1", "--constants=truncation=1").refused(
        "drop one"
    )
    run("tfinv.inspect", generator, "--constants=psi=1").refused("'psi'", "truncation")
    run("tfinv.inspect", generator, "--constants=truncation").refused("--constants=truncation")
    run("tfinv.inspect", generator, "--latent_input=q").refused("--latent_input", "'q'")
    swapped = run("tfinv.inspect", generator, "--latent_input=y", "--label_input=z", "--json")
    facts = json.loads(swapped.out)
    assert (facts["latent_size"], facts["classes"]) == (7, 15)


def test_class_names_are_named(inspect, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("a\nb\nc\nd\ne\n")
    facts = json.loads(inspect("labelled", "--json", f"--class_names={names}").out)
    assert facts["class_names"] == str(names)
    assert inspect("labelled").out != inspect("labelled", f"--class_names={names}").out
    inspect("labelled", f"--class_names={tmp_path}").refused("class names cannot be read")


def test_flags_of_the_generator_are_obeyed(inspect):
    facts = json.loads(inspect("dcgan", "--json", "--image_range=0,1").out)
    assert facts["image_range"] == "0,1"
    chosen = json.loads(inspect("two_signatures", "--json", "--signature=plain").out)
    assert chosen["conditional"] is False


def test_what_is_wrong_is_one_line(inspect, tmp_path):
    (tmp_path / "empty").mkdir()
    inspect(tmp_path / "none").refused("does not exist")
    inspect(tmp_path / "empty").refused("empty")
    inspect("").refused("no generator")
    inspect("two_signatures").refused("plain", "labelled", "--signature")
    inspect("dcgan", "--image_layout=CHWN").refused("image_layout")
    inspect("dcgan", "--image_layout=NCHW").refused("no picture")
    inspect("dcgan", "--truncation=1").refused("truncation")
    inspect("dcgan", "--jsn").refused("jsn")
    inspect("dcgan", "more").refused("'more'")
    inspect("dcgan", "--flagfile=/no/such.cfg").refused("/no/such.cfg")
    run("tfinv.inspect").refused("generator")


def test_a_generator_without_a_dense_layer_still_shows_its_layers(inspect):
    done = inspect("without_dense")
    assert done.status == 0 and "latent" in done.out and "--layer=dense" not in done.out


def test_the_shipped_generator_in_a_process_of_its_own():
    done = run_apart("tfinv.inspect", "--generator=dcgan_cifar10", "--json")
    assert (done.status, done.err) == (0, "")
    [dense] = [layer for layer in json.loads(done.out)["layers"] if layer["dense"]]
    assert dense["shape"] == [2048]


def test_help_teaches():
    done = run_apart("tfinv.inspect", "--help")
    assert (done.status, done.err) == (0, "")
    assert all(word in done.out for word in ("--generator", "--[no]json", "dense", "--signature"))
    suffixes = {Path(form.example).suffix for form in FORMATS if "/" not in form.example}
    assert suffixes and all(suffix in done.out for suffix in suffixes)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

"""tools/convert_progan.py as a user runs it, and the SavedModels that it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from generators import progan_files
from generators.progan_files import SMALL
from graph import exports

from tfinv.generators.load import load_generator
from tfinv.graph.interpret import Program
from tfinv.graph.reading.saved_model import read_saved_model
from tfinv.networks import progan
from tfinv.networks.progan_export import export_discriminator, export_generator
from tfinv.networks.progan_settings import Settings

CONVERT = Path(__file__).resolve().parents[4] / "tools" / "convert_progan.py"


def convert(*flags):
    return subprocess.run(
        [sys.executable, str(CONVERT), *flags], capture_output=True, text=True, timeout=300
    )


def test_a_pickle_becomes_two_saved_models(tmp_path):
    source = progan_files.write(tmp_path / "net.pkl", {"fused_scale": False})
    done = convert(f"--pickle={source}", f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "16x16" in done.stdout
    generator = load_generator(tmp_path / "out" / "generator", image_range="-1,1")
    pickled = load_generator(source)
    z = pickled.sample_latents(3)
    np.testing.assert_allclose(generator(z), pickled(z), atol=1e-5)
    assert generator.border.layout == "NHWC"
    [port] = read_saved_model(tmp_path / "out" / "discriminator").inputs
    assert (port.key, port.shape) == ("images", (None, 16, 16, 3))


@pytest.mark.parametrize(
    ("pickle", "output_dir", "says"),
    [
        ("nowhere.pkl", "out", "nowhere.pkl"),
        ("bad.pkl", "out", "os.system"),
        ("net.pkl", "there", "exists already"),
        ("net.pkl", "bad.pkl/out", "cannot be written"),
        (None, "out", "pickle"),
    ],
)
def test_what_a_user_gets_wrong_is_one_line(tmp_path, pickle, output_dir, says):
    progan_files.write(tmp_path / "net.pkl", {"resolution": 4})
    (tmp_path / "bad.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (tmp_path / "there").mkdir()
    flags = [f"--output_dir={tmp_path / output_dir}"]
    flags += [f"--pickle={tmp_path / pickle}"] if pickle else []
    done = convert(*flags)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and says in lines[0], done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fused", [True, False])
def test_the_discriminator_keeps_the_names_of_its_layers(tmp_path, fused):
    kwargs = {**SMALL, "fused_scale": fused, "label_size": 2}
    settings = Settings(**kwargs)
    weights = progan_files.arrays("D_paper", kwargs, 1)
    export_discriminator(settings, weights, tmp_path / "d")
    model = read_saved_model(tmp_path / "d")
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    tensors = {name: tf.constant(value) for name, value in weights.items()}
    call = tf.function(
        lambda x: progan.discriminator(settings, tensors, tf.transpose(x, [0, 3, 1, 2])),
        jit_compile=True,
    )
    scores, labels = call(images)
    found = exports.evaluate(model, {"images": images})
    np.testing.assert_allclose(found["scores"], scores, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["labels"], labels, rtol=1e-4, atol=1e-4)
    # What a feature loss reads: the layer that the thesis names (section 7.3), of each alone.
    layer = f"8x8/Conv1{'_down' if fused else ''}/LeakyRelu"
    [name] = [name for name in model.nodes if f"/{name}".endswith(f"/{layer}")]
    program = Program(model, [name], live=[model.inputs[0].tensor])
    [features] = program.run([tf.constant(images)])
    assert features.shape == (4, 8, *[4 if fused else 8] * 2)
    [alone] = program.run([tf.constant(images[2:3])])
    np.testing.assert_allclose(features[2:3], alone, atol=1e-5)


def test_a_labelled_generator_keeps_its_labels(tmp_path):
    kwargs = {**SMALL, "resolution": 8, "label_size": 3, "num_channels": 1}
    settings, weights = Settings(**kwargs), progan_files.arrays("G_paper", kwargs, 0)
    export_generator(settings, weights, tmp_path / "g", lod=0.5)
    generator = load_generator(tmp_path / "g", image_range="-1,1")
    assert generator.classes == 3 and generator.image_shape == (8, 8, 1)
    source = progan_files.write(tmp_path / "net.pkl", kwargs, lod=0.5)
    pickled = load_generator(source, signature="G")
    z = generator.sample_latents(2)
    np.testing.assert_allclose(generator(z, [2, 0]), pickled(z, [2, 0]), atol=1e-5)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

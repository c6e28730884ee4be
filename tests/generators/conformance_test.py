"""Every format to the end: what it draws is inverted at the latent, then at the dense layer."""

from __future__ import annotations

import hashlib
import sys
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from generators import progan_files, tiny
from graph import bare
from networks import improved_wgan

import tfinv
from tfinv.generators.formats.registry import FORMATS
from tfinv.generators.formats.wgan_gp import statistics
from tfinv.generators.load import load_generator
from tfinv.inversion.starts import stored


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
      form: its format's name in `FORMATS`.
      write: (folder) to what a user writes after --generator=.
      options: what a user has to say beside it.
    """

    form: str
    write: Callable[[Any], str]
    options: dict[str, Any] = field(default_factory=dict)


class ChannelsFirst(tiny.Dcgan):
    """The tiny network with pictures [N, 3, 8, 8]."""

    @tf.function(input_signature=[tf.TensorSpec([None, tiny.LATENT], tf.float32, "z")])
    def transposed(self, z):
        return {"image": tf.transpose(self.draw(z), [0, 3, 1, 2])}


def channels_first(folder) -> str:
    made = ChannelsFirst()
    tf.saved_model.save(made, str(folder / "m"), signatures={"serving_default": made.transposed})
    return str(folder / "m")


def archive(folder) -> str:
    with tarfile.open(folder / "m.tar.gz", "w:gz") as tar:
        tar.add(tiny.dcgan(folder / "m"), "m")
    return str(folder / "m.tar.gz")


def handle(folder) -> str:
    """A module in the folder that is TFHUB_CACHE_DIR, under the name that its handle has there."""
    written = "https://tfhub.dev/somebody/tiny/1"
    tiny.session(folder / hashlib.sha1(written.encode()).hexdigest(), "dcgan, fused norm", hub=True)
    return written


SWITCHED = {"inputs": ["z", "training=false"], "output": "G/image"}
SOURCES = {
    "handle": Source("TF-Hub handle", handle),
    "archive": Source("Archive of any of these", archive),
    ".keras": Source("Keras file", lambda f: tiny.keras(f / "g.keras", keras).path),
    ".h5": Source("Keras HDF5 file", lambda f: tiny.keras(f / "g.h5", keras).path),
    ".pkl": Source(
        "ProGAN pickle",
        lambda f: progan_files.write(f / "net.pkl", {"resolution": 8}, contrast=0.2),
    ),
    "WGAN-GP": Source(
        "WGAN-GP checkpoint", lambda f: improved_wgan.make("good", blocks=1).save(f / "model.ckpt")
    ),
    ".meta": Source(
        "TF1 graph and checkpoint", lambda f: bare.checkpoint(f / "c").path + ".meta", SWITCHED
    ),
    ".pb": Source("Frozen graph", lambda f: bare.frozen(f / "g.pb").path),
    "tf.Module": Source("SavedModel or TF-Hub folder", lambda f: tiny.dcgan(f / "m")),
    "tf.Module, NCHW": Source("SavedModel or TF-Hub folder", channels_first),
    "TF1": Source(
        "SavedModel or TF-Hub folder", lambda f: tiny.session(f / "m", "dcgan, fused norm").path
    ),
}


def test_no_format_is_left_out():
    assert {source.form for source in SOURCES.values()} == {form.name for form in FORMATS}


@pytest.mark.parametrize("name", SOURCES)
def test_two_stages_under_xla(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TFINV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(statistics, "SAMPLES", 100)
    source = SOURCES[name]
    path = source.write(tmp_path)
    assert next(form for form in FORMATS if form.recognises(path)).name == source.form
    generator = load_generator(path, **source.options)
    z = generator.sample_latents(2)
    near = z + np.float32(0.3) * generator.sample_latents(2, seed=9)
    images = generator(z).numpy()
    assert images.shape[3] == 3 and images.std() > 0.02
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # one is given where XLA cannot compile
        # Adam: its loop compiles in a fifth of the time.
        found = tfinv.Inverter(
            generator, start=stored(near), solver="adam", max_evaluations=(20, 200), batch_size=2
        ).run(images)
    latent, dense = found.stages
    assert [stage.layer for stage in found.stages] == ["latent", "dense"]
    at_start = np.sqrt(np.mean((generator(near) - images) ** 2, (1, 2, 3)))
    assert np.all(latent.rmse < 0.9 * at_start) and np.all(dense.rmse < latent.rmse)
    drawn = generator.split("dense").g2(found.codes)
    np.testing.assert_allclose(found.images, drawn, atol=1e-4)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

"""A folder or an archive that holds one model among other things is that model."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from generators import tiny
from graph import bare

from tfinv.errors import UserError
from tfinv.generators.formats import folders
from tfinv.generators.load import load_generator

Z = np.ones((1, tiny.LATENT), np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return Path(tiny.dcgan(tmp_path_factory.mktemp("g") / "tiny"))


def as_given(folder: Path, archived: bool) -> str:
    if not archived:
        return str(folder)
    return shutil.make_archive(str(folder.parent / "packed"), "gztar", folder)


@pytest.mark.parametrize("archived", [False, True])
def test_a_saved_model_below_other_things(saved, tmp_path, archived):
    """As an Estimator exports: in a folder that is called by the second."""
    export = tmp_path / "export"
    shutil.copytree(saved, export / "best" / "1600000000")
    (export / "README.txt").write_text("read me")
    (export / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    path = as_given(export, archived)
    generator = load_generator(path)
    np.testing.assert_array_equal(generator(Z), load_generator(saved)(Z))
    assert generator.path == path


@pytest.mark.parametrize("archived", [False, True])
def test_the_only_file_that_is_a_model(tmp_path, archived):
    (tmp_path / "m" / "net").mkdir(parents=True)
    truth = tiny.keras(tmp_path / "m" / "net" / "generator.keras", keras)
    (tmp_path / "m" / "net" / "generator.weights.h5").write_bytes(b"no architecture")
    (tmp_path / "m" / "README.md").write_text("read me")
    generator = load_generator(as_given(tmp_path / "m", archived))
    np.testing.assert_allclose(generator(truth.z) * 2 - 1, truth.raw, atol=1e-5)


def test_a_checkpoint_whose_folder_has_no_list_is_one_model(tmp_path):
    bare.checkpoint(tmp_path / "model.ckpt", default=True)
    os.remove(tmp_path / "checkpoint")
    assert load_generator(tmp_path, output="G/image").image_shape == (4, 4, 3)


@pytest.mark.parametrize("archived", [False, True])
def test_several_models_are_named(tmp_path, archived):
    (tmp_path / "m").mkdir()
    for name in ("g.keras", "d.keras"):
        (tmp_path / "m" / name).write_bytes(b"whatever")
    path = as_given(tmp_path / "m", archived)
    with pytest.raises(UserError, match=r"holds 2 models, d.keras, g.keras: give .* one") as raised:
        load_generator(path)
    assert path in str(raised.value)


def test_a_folder_with_the_name_of_a_file_is_a_folder(saved, tmp_path):
    for name in ("m.keras", "m.h5", "m.pkl"):
        shutil.copytree(saved, tmp_path / name)
        assert load_generator(tmp_path / name).latent_size == tiny.LATENT
    (tmp_path / "e.h5").mkdir()
    with pytest.raises(UserError, match=r"saved_model.pb is not in the folder"):
        load_generator(tmp_path / "e.h5")


def test_large_trees_and_links_are_not_followed(saved, tmp_path, monkeypatch):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "link").symlink_to(saved)
    assert folders.find_model(str(tmp_path / "m"), lambda file: True) == str(tmp_path / "m")
    monkeypatch.setattr(folders, "_MAX_ENTRIES", 2)
    for name in "abc":
        (tmp_path / "m" / name).write_text("x")
    assert folders.find_model(str(tmp_path / "m"), lambda file: True) == str(tmp_path / "m")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

"""A shard gives back what it was given, or says that it is damaged; nothing between."""

from __future__ import annotations

import io
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results import fakes

from tfinv.errors import UserError
from tfinv.results.shards import read_rows, read_shard, write_shard

FACTS = ("index", "name", "label", "stage", "evaluations", "status", "note")


@pytest.fixture
def given_results():
    return [*fakes.batch(3, 4), *fakes.failed(9), *fakes.batch(20, 1)]


@pytest.fixture
def path(tmp_path, given_results):
    file = io.BytesIO()
    write_shard(file, given_results)
    (tmp_path / "codes-00000.npz").write_bytes(file.getvalue())
    return tmp_path / "codes-00000.npz"


def same(a, b) -> bool:
    return (a is None and b is None) or (a.dtype == b.dtype and np.array_equal(a, b))


def test_everything_comes_back(path, given_results):
    found = list(read_shard(path))
    assert len(found) == len(given_results)
    for got, want in zip(found, given_results, strict=True):
        assert [getattr(got, f) for f in FACTS] == [getattr(want, f) for f in FACTS]
        for metric in ("rmse", "psnr", "ssim"):
            np.testing.assert_equal(getattr(got, metric), getattr(want, metric))
        for field in ("code", "latent", "label_weights"):
            assert same(getattr(got, field), getattr(want, field)), "codes are kept bit for bit"
        assert np.array_equal(got.labels, want.labels)
        for field in ("target", "image"):
            value = getattr(got, field)
            if want.failed:
                assert value is None
                continue
            assert value.dtype == np.float32
            np.testing.assert_allclose(value, getattr(want, field), atol=0.5001 / 255)


def test_rows_leave_the_arrays_unread(path, given_results):
    rows = read_rows(path)
    assert [row.name for row in rows] == [result.name for result in given_results]
    assert all(row.code is None and row.image is None for row in rows)


def test_wanted_images_only(path):
    assert [(r.index, r.stage) for r in read_shard(path, {4, 9, 1000})] == [
        (index, stage) for index in (4, 9) for stage in fakes.STAGES
    ]


def test_a_target_is_kept_once_an_image(path):
    with np.load(path) as members:
        assert members["targets"].shape == (5, 8, 8, 3)
        assert members["dense/code"].shape == (5, 2, 2, 3)
        assert members["dense/image"].dtype == np.uint8


def test_labels_from_numpy_can_be_written(tmp_path):
    [row, _] = fakes.batch(1, 1)
    values = {f: getattr(row, f) for f in row.__dataclass_fields__} | {"label": np.int64(7)}
    with open(tmp_path / "codes-00000.npz", "wb") as file:
        write_shard(file, [type(row)(**values)])
    assert read_rows(tmp_path / "codes-00000.npz")[0].label == 7


def test_unequal_shapes_are_the_programmers_fault():
    first, second = fakes.batch(0, 1), fakes.batch(1, 1, side=9)
    with pytest.raises(ValueError, match="same shape"):
        write_shard(io.BytesIO(), first + second)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_noticed_or_changes_nothing(data, tmp_path_factory):
    file = io.BytesIO()
    results = fakes.batch(0, 2)
    write_shard(file, results)
    raw = bytearray(file.getvalue())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("shard") / "codes-00000.npz"
    path.write_bytes(raw)
    try:
        found = list(read_shard(path))
    except UserError as error:
        assert "codes-00000.npz: the shard is damaged" in str(error)
    else:  # a time stamp, say
        assert all(same(a.code, b.code) for a, b in zip(found, results, strict=True))
        assert [a.name for a in found] == [b.name for b in results]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_shard_is_noticed(path, share):
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    for read in (read_rows, lambda p: list(read_shard(p))):
        with pytest.raises(UserError, match=r"damaged.*delete it and run the command again"):
            read(path)


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "codes-00000.npz"
    np.savez(path, rows=np.array([{"a": 1}], dtype=object), sha256=np.array([None], dtype=object))
    with pytest.raises(UserError, match="damaged"):
        read_rows(path)


def test_a_consistently_forged_array_is_noticed_by_its_digest(path):
    with np.load(path) as members:
        arrays = {key: members[key] for key in members.files}
    arrays["dense/code"] = arrays["dense/code"] + 1
    np.savez(path, **arrays)
    assert zipfile.ZipFile(path).testzip() is None
    with pytest.raises(UserError, match="checksum of dense/code"):
        list(read_shard(path))
    assert len(read_rows(path)) == 12


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

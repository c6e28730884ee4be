"""Sheet, report and events of a whole run: what they show, leave out and escape."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from results import fakes

from tfinv.errors import UserError
from tfinv.images.ranges import to_uint8
from tfinv.results.finish import finish
from tfinv.results.pictures import choose_extremes, choose_first, gather
from tfinv.results.store import Store
from tfinv.results.tally import RunInfo

INFO = RunInfo("/models/<b>dcgan</b>", fakes.STAGES, "lbfgs", seconds=12.5)
EVIL = "<script>alert(1)</script>\"'&.png"


class Page(HTMLParser):
    """The elements, the text and the pictures of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data

    def pictures(self) -> list[np.ndarray]:
        sources = [value for name, value in self.attributes if name == "src"]
        assert all(value.startswith("data:image/png;base64,") for value in sources)
        raw = [base64.b64decode(value.split(",", 1)[1]) for value in sources]
        return [np.asarray(Image.open(io.BytesIO(data))) for data in raw]


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "out", config_text="--seed=1\n--images=<i>x</i>") as store:
        yield store


def page(store) -> Page:
    return Page((store.folder / "report.html").read_text("utf-8"))


def events(store) -> list[tuple[str, int]]:
    paths = [str(p) for p in (store.folder / "events").iterdir()]
    return [
        (value.tag, event.step)
        for record in tf.data.TFRecordDataset(paths).as_numpy_iterator()
        for event in [tf.compat.v1.Event.FromString(record)]
        for value in event.summary.value
    ]


def test_a_run_leaves_everything(store):
    store.add([*fakes.batch(0, 3), *fakes.failed(3), *fakes.result(4, name=EVIL)])
    tally = finish(store, INFO)
    assert (tally.images, tally.failed) == (5, 1)
    names = {p.name for p in store.folder.iterdir()}
    tables = {"images.csv", "summary.json", "contact_sheet.png", "report.html", "events"}
    assert names == tables | {"config.cfg", "codes-00000.npz"}

    seen = page(store)
    pictures = seen.pictures()
    assert len(pictures) == 4 * 4
    first = fakes.batch(0, 1)
    np.testing.assert_array_equal(pictures[0], to_uint8(first[0].target))
    np.testing.assert_array_equal(pictures[1], to_uint8(first[0].image))
    np.testing.assert_array_equal(pictures[2], to_uint8(first[1].image))
    difference = 8 * np.abs(first[1].image - first[1].target) * 255
    assert np.abs(pictures[3] - np.clip(difference, 0, 255)).max() <= 8.6, "of rounded pictures"
    assert f"{tally.stages['dense'].rmse.mean():.4f}" in seen.text
    assert "bad.png" in seen.text and "the file is empty" in seen.text

    tags = events(store)
    assert {("rmse/dense", 0), ("rmse/latent", 4), ("rmse histogram/dense", 0)} <= set(tags)
    assert len([tag for tag, _ in tags if tag.endswith(".png")]) == 4

    sheet = np.asarray(Image.open(store.folder / "contact_sheet.png"))
    target = to_uint8(first[0].target).repeat(16, 0).repeat(16, 1)
    tops, lefts = np.nonzero((sheet[:, :, :3] == target[0, 0]).all(-1))
    assert any(
        np.array_equal(sheet[y : y + 128, x : x + 128], target)
        for y, x in zip(tops, lefts, strict=True)
    )


def test_names_are_harmless_and_nothing_is_loaded(store):
    store.add([*fakes.result(0, name=EVIL), *fakes.failed(1, "<img src=x>", "<svg onload=y>")])
    finish(store, INFO)
    seen = page(store)
    assert seen.tags.count("script") == 1 and EVIL in seen.text
    assert "i" not in seen.tags and "<i>x</i>" in seen.text
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    text = (store.folder / "report.html").read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<]*", text))
    assert all(address.startswith("http://www.w3.org/") for address in addresses), "namespaces"
    assert "url(" not in re.sub(r"url\(#\w+\)", "", text) and "@import" not in text


def test_a_large_run_is_cut_and_says_so(store):
    for first in range(0, 40, 8):
        store.add(fakes.batch(first, 8))
    finish(store, dataclasses.replace(INFO, partial=True), sheet_rows=5, report_images=10)
    seen = page(store)
    assert len(seen.pictures()) == 40 and "The 5 best and the 5 worst of 40" in seen.text
    assert "ended before all images were done" in seen.text
    rmse = {r.index: r.rmse for r in store.rows() if r.stage == "dense"}
    order = sorted(rmse, key=rmse.get)
    shown = [int(value) for name, value in seen.attributes if name == "data-index"]
    assert shown == sorted(order[:5] + order[-5:])
    assert Image.open(store.folder / "contact_sheet.png").height < 6 * 170


def test_choices(store):
    store.add([*fakes.batch(6, 2), *fakes.failed(5)])
    store.add(fakes.batch(0, 4))
    assert choose_first(store, 3) == [0, 1, 2]
    assert choose_first(store, 100) == choose_extremes(store, "dense", 6) == [0, 1, 2, 3, 6, 7]
    assert list(gather(store, [7, 5, 0])) == [0, 5, 7]


def test_an_image_that_diverged_in_one_stage_is_shown_as_such(store):
    latent, dense = fakes.batch(0, 1)
    nan = float("nan")
    bad = dataclasses.replace(dense, status="failed: diverged", rmse=nan, code=None, image=None)
    store.add([latent, bad])
    finish(store, INFO)
    assert page(store).pictures() == [], "its last stage has no result"
    assert "diverged" in page(store).text
    assert Image.open(store.folder / "contact_sheet.png").width > 3 * 128


@pytest.mark.parametrize("results", [[], list(fakes.failed(0))])
def test_runs_without_a_result_leave_everything_too(store, results):
    store.add(results)
    finish(store, INFO)
    assert page(store).pictures() == []
    assert Image.open(store.folder / "contact_sheet.png").width > 100


def test_finishing_again_replaces_everything(store):
    store.add(fakes.batch(0, 1))
    finish(store, INFO)
    store.add(fakes.batch(1, 1))
    finish(store, INFO)
    assert len(list((store.folder / "events").iterdir())) == 1
    assert sorted(step for tag, step in events(store) if tag == "rmse/dense") == [0, 1]
    assert len(page(store).pictures()) == 8


def test_grey_and_large_pictures(store):
    store.add(fakes.batch(0, 1, side=300, channels=1))
    finish(store, INFO)
    assert {picture.shape for picture in page(store).pictures()} == {(256, 256, 3)}


def test_a_folder_that_cannot_take_events(store):
    store.add(fakes.batch(0, 1))
    (store.folder / "events").write_text("in the way")
    with pytest.raises(UserError, match="events: cannot be written") as error:
        finish(store, INFO)
    assert "\n" not in str(error.value) and "1 finished image is kept" in str(error.value)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

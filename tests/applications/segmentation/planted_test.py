"""Regions planted in an attention map come out of the codes, exactly."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from generators import attending, tiny
from generators.attending import latents

from tfinv.applications.codes import Codes
from tfinv.applications.segmentation.clustering import segment
from tfinv.applications.segmentation.maps import attention_maps, attention_matrix, find_map
from tfinv.applications.segmentation.scores import adjusted_rand_index, mean_iou
from tfinv.errors import UserError


def regions_of(generator, point: Codes, split, clusters):
    found = find_map(generator)
    queries, keys = ((grid.height, grid.width) for grid in (found.queries, found.keys))
    return segment(attention_matrix(split, point, found), queries, keys, clusters)


@pytest.mark.parametrize("layer", ["latent", "dense"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pooled": False},
        {"height": 8, "width": 12},
        {"height": 16, "width": 8, "pooled": False},
        {"channels_first": True},
        {"form": "heads"},
        {"height": 8, "width": 12, "form": "turned"},
    ],
    ids=str,
)
def test_planted_regions_are_recovered_exactly(options, layer):
    generator, made = attending.loaded(**options)
    split, z = generator.split(layer), latents(4)
    points = Codes(split.g1(z).numpy(), z)
    for place, truth in enumerate(made.regions(z)):
        count = len(np.unique(truth))
        assert count == (4, 3)[place % 2]
        [found] = regions_of(generator, points.take([place]), split, [count])
        assert found.shape == truth.shape
        assert adjusted_rand_index(found, truth) == 1.0
        assert mean_iou(found, truth) == 1.0


def test_a_code_decides_the_map_and_not_the_latent_beside_it():
    generator, made = attending.loaded()
    split = generator.split("dense")
    first, second = latents(2)[:1], latents(2)[1:]
    point = Codes(split.g1(second).numpy(), first)
    [found] = regions_of(generator, point, split, [3])
    assert adjusted_rand_index(found, made.regions(second)[0]) == 1.0


def test_a_generator_without_attention_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"no self-attention to segment by: no softmax over posit"):
        find_map(tiny.loaded())


def test_a_map_is_named_by_its_end():
    generator, _ = attending.loaded(form="twice")
    maps = attention_maps(generator)
    assert len(maps) == 2 and maps[0].name != maps[1].name
    for found in maps:
        whole = found.name.removesuffix(":0")
        for name in {found.name, whole, whole.rpartition("/")[2]}:
            assert find_map(generator, name).name == found.name
    assert find_map(generator).name == maps[0].name
    with pytest.raises(UserError, match="no attention map is called 'softmax'") as refused:
        find_map(generator, "softmax")
    assert all(found.name in str(refused.value) for found in maps)


def test_codes_behind_the_map_are_refused():
    generator, _ = attending.loaded()
    [behind] = [layer.name for layer in generator.layers() if "add" in layer.name][-1:]
    split, z = generator.split(behind), latents(1)
    with pytest.raises(UserError, match=r"does not depend on the code at .*in front of it"):
        attention_matrix(split, Codes(split.g1(z).numpy(), z), find_map(generator))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

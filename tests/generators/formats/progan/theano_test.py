"""ProGAN from pickles of its first, Theano code base."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
from generators import progan_files
from generators.progan_files import refused

from tfinv.generators.load import load_generator


def lasagne(params, z):
    """The first version's generator for 8x8 pixels in NumPy, over its list of parameters."""
    values = iter([np.float64(p) for p in params])

    def scaled(x, weight, convolve):  # WScaleLayer: scale, bias; then the activation
        x = convolve(x, weight) * next(values)
        x = x + next(values)[:, None, None]
        return x

    def finish(x):
        x = np.where(x > 0, x, 0.2 * x)
        return x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8)

    def full(x, w):  # of a picture of one pixel: the filter itself
        return np.einsum("nc,ocuv->nouv", x, w)

    def same(x, w):  # a true convolution: the filter is turned round
        padded, y = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), 0
        for u in range(3):
            for v in range(3):
                part = padded[:, :, u : u + x.shape[2], v : v + x.shape[3]]
                y = y + np.einsum("nchw,oc->nohw", part, w[:, :, 2 - u, 2 - v])
        return y

    x = z / np.sqrt((z**2).mean(1, keepdims=True) + 1e-8)
    x = finish(scaled(x, next(values), full))
    x = finish(scaled(x, next(values), same))
    x = x.repeat(2, 2).repeat(2, 3)
    x = finish(scaled(x, next(values), same))
    x = finish(scaled(x, next(values), same))
    return scaled(x, next(values), lambda x, w: np.einsum("nchw,co->nohw", x, w))


def theano_parts():
    rng = np.random.default_rng(0)

    def layer(*shape, out=0):
        weight = rng.normal(size=shape).astype(np.float32)
        scale, bias = np.float32(rng.uniform(0.1, 0.4)), rng.normal(size=shape[out]) / 4
        return [weight, np.array(scale), bias.astype(np.float32)]

    maps = [layer(6, 6, 4, 4), *(layer(6, 6, 3, 3) for _ in range(3))]
    layers = [*maps, layer(6, 3, out=1), layer(6, 3, out=1)]
    params = [array for arrays in layers for array in arrays]
    spec = {"num_channels": 3, "resolution": 8, "fmap_base": 64, "fmap_max": 6, "label_size": 0}
    return params, spec


def write_theano(path, params, spec):
    with progan_files.classes("network.Network") as [cls]:
        state = {
            "build_func_spec": {"func": "G_paper", **spec},
            "build_module_src": progan_files.SOURCE,
            "param_values": params,
            "toplevel_params": {"cur_lod": np.array(np.float32(0))},
        }
        contents = pickle.dumps((progan_files.network(cls, state),) * 3, 2)
    path.write_bytes(contents)
    return path


def test_theano_networks_are_read(tmp_path):
    params, spec = theano_parts()
    generator = load_generator(write_theano(tmp_path / "old.pkl", params, spec))
    z = generator.sample_latents(2)
    expected = (lasagne(params, z.astype(np.float64)).transpose(0, 2, 3, 1) + 1) / 2
    assert np.mean((expected > 0) & (expected < 1)) > 0.3
    np.testing.assert_allclose(generator(z), np.clip(expected, 0, 1), atol=1e-4)


def test_theano_networks_that_are_not(tmp_path):
    params, spec = theano_parts()
    write = lambda *given: write_theano(tmp_path / "old.pkl", *given)  # noqa: E731
    refused(write(params, {**spec, "use_batchnorm": True}), "use_batchnorm=True")
    refused(write(params, {**spec, "func": "G_mnist_mode_recovery"}), "G_mnist_mode_recovery")
    refused(write(params[:-1], spec), "too few")
    refused(write([*params, params[0]], spec), "more arrays")
    refused(write(params[1:], spec), "another rank")
    refused(write(None, spec), "no list of arrays")
    refused(write(params, {**spec, "fmap_max": 5}), "array 0 has 576 numbers")
    refused(write(params, {**spec, "fmap_max": 7}), "4x4/Dense/weight", "[6, 96]")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

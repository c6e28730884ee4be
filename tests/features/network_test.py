"""Features are those that TensorFlow computes, and so is their gradient; what fits not is named."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from features import networks
from features.networks import SIDE
from generators import progan_files

import tfinv
from tfinv.errors import UserError
from tfinv.features.network import FeatureNetwork

SHAPE = (SIDE, SIDE, 3)
IMAGES = np.random.default_rng(1).random((3, *SHAPE), np.float32)
LAYER = "8x8/Conv1"


def with_gradient(function, images=IMAGES) -> tuple[np.ndarray, np.ndarray]:
    """Features, and the gradient of half their square by the pictures."""
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        features = function(images)
    return np.asarray(features), np.asarray(tape.gradient(features, images, features))


def close(one, other) -> None:
    for mine, truth in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, truth, atol=1e-5 * max(1.0, np.abs(truth).max()))


def of_critic(images) -> tf.Tensor:
    """What TensorFlow makes of pictures in [0, 1]."""
    return networks.Critic().features(images * 2.0 - 1.0)


@pytest.mark.parametrize("how", ["eager", "graph", "xla"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_values_and_gradients_are_those_of_tensorflow(layout, how):
    network = FeatureNetwork(networks.critic_path(layout), LAYER)
    assert network.feed.layout == layout

    def features(images):
        made = network(images)
        return tf.transpose(made, [0, 2, 3, 1]) if layout == "NCHW" else made

    @tf.function(autograph=False, jit_compile=how == "xla")
    def compiled(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            made = features(images)
        return made, tape.gradient(made, images, made)

    found = with_gradient(features) if how == "eager" else compiled(tf.constant(IMAGES))
    close(found, with_gradient(of_critic))


def test_a_keras_file_by_its_layers_name(tmp_path):
    import keras

    layers = keras.layers
    given = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, name="stem")(given)
    x = layers.BatchNormalization(name="norm")(x)
    inner = layers.Activation("relu", name="mixed")(layers.Dropout(0.5)(x))
    pooled = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(inner))
    model = keras.Model(given, layers.Dense(2, name="top")(pooled))
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.standard_normal(w.shape)) * 0.3 for w in model.get_weights()])
    path = tmp_path / "classifier.keras"
    model.save(path)

    network = FeatureNetwork(path, "mixed", size=12)
    assert network.check(SHAPE) == (10, 10, 4)
    truth = keras.Model(given, inner)

    def of_keras(images):
        resized = tf.compat.v1.image.resize_bilinear(images, [12, 12])  # as the thesis's TF1 did
        return truth(resized * 2.0 - 1.0, training=False)

    close(with_gradient(network), with_gradient(of_keras))
    # Without a layer, the only output; without a size, as large as the pictures are.
    whole = FeatureNetwork(path)
    close(with_gradient(whole), with_gradient(lambda x: model(x * 2.0 - 1.0, training=False)))
    assert whole.check((9, 11, 3)) == (2,)


class Switched(tf.Module):
    """Takes a picture, a flag and a number; the flag's branch is what training would do."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 4, 4, 3], tf.float32, "images"),
            tf.TensorSpec([], tf.bool, "training"),
            tf.TensorSpec([], tf.float32, "keep"),
        ]
    )
    def __call__(self, images, training, keep):
        x = tf.cond(training, lambda: images * 0.0, lambda: tf.sin(images))
        return {"plain": x, "kept": tf.identity(x * keep, name="kept")}


@pytest.fixture(scope="module")
def switched(tmp_path_factory) -> str:
    made, path = Switched(), str(tmp_path_factory.mktemp("switched"))
    tf.saved_model.save(made, path, signatures=made.__call__)
    return path


def test_flags_are_false_and_numbers_are_asked_for(switched):
    images = IMAGES[:, :4, :4]
    plain = FeatureNetwork(switched, "plain", image_range="0,1")
    np.testing.assert_allclose(plain(images), np.sin(images), atol=1e-6)
    trained = FeatureNetwork(switched, "plain", constants={"training": True})
    assert not np.any(trained(images))
    kept = FeatureNetwork(switched, "kept", image_range="0,1", constants={"keep": 0.5})
    np.testing.assert_allclose(kept(images), np.sin(images) / 2, atol=1e-6)
    with pytest.raises(UserError, match=r"'keep'.* has no value"):
        FeatureNetwork(switched, "kept")
    with pytest.raises(UserError, match="several outputs: name a layer, or one of"):
        FeatureNetwork(switched)
    with pytest.raises(UserError, match=r"no input 'rate'.*has training, keep|keep, training"):
        FeatureNetwork(switched, "plain", constants={"rate": 1.0})


def test_an_input_may_have_a_default(tmp_path):
    def build(images):
        keep = tf.compat.v1.placeholder_with_default(0.25, [], "keep")
        return images * keep

    path = networks.saved(tmp_path / "n", {"images": (tf.float32, [None, 4, 4, 3])}, build)
    images = IMAGES[:, :4, :4]
    network = FeatureNetwork(path, image_range="0,1")
    np.testing.assert_allclose(network(images), images / 4, atol=1e-6)


def test_what_is_not_said_is_said_in_notes(tmp_path):
    network = FeatureNetwork(networks.critic_path(), LAYER)
    assumed, chosen = network.notes
    assert "[-1,1] is assumed" in assumed and "--feature_range" in assumed
    assert network.layer in chosen and "8x8" in chosen
    [chosen] = FeatureNetwork(networks.critic_path(), LAYER, image_range="0,255").notes
    assert "[0,255]" in chosen


def test_inception_gets_the_pictures_it_was_trained_on(tmp_path):
    def build(images):
        for block in ("Mixed_6e", "Mixed_7a"):
            with tf.name_scope(f"InceptionV3/InceptionV3/{block}/"):
                images = tf.concat([tf.nn.relu(images), images], 3, name="concat")
        return tf.reduce_mean(images, [1, 2])

    path = tmp_path / "slim"
    networks.saved(path, {"images": (tf.float32, [None, None, None, 3])}, build, hub=True)
    network = FeatureNetwork(path, "Mixed_7a")
    assert (network.feed.size, network.feed.range) == ((299, 299), "0,1")
    assert network.check(SHAPE) == (299, 299, 12)
    assert FeatureNetwork(path, "Mixed_7a", size=64).feed.size == (64, 64)


def test_grey_pictures_are_seen_in_three_equal_channels():
    network = FeatureNetwork(networks.critic_path(), LAYER)
    grey = IMAGES[..., :1]
    assert network.check((SIDE, SIDE, 1)) == (6, 4, 4)
    np.testing.assert_allclose(network(grey), network(np.repeat(grey, 3, 3)), atol=1e-6)


def test_a_row_does_not_know_its_neighbours():
    network = FeatureNetwork(networks.critic_path(), LAYER)
    whole = network(IMAGES).numpy()
    np.testing.assert_allclose(network(IMAGES[1:2]), whole[1:2], atol=1e-5)
    spoilt = IMAGES.copy()
    spoilt[0, 0, 0, 0] = np.nan
    np.testing.assert_array_equal(network(spoilt)[1:], whole[1:])


@pytest.mark.parametrize("layer", ["MinibatchStddev", "4x4", "scores", None])
def test_a_layer_that_couples_the_pictures_of_a_batch(layer):
    network = FeatureNetwork(networks.critic_path(), layer)
    with pytest.raises(UserError, match="depend on the others of its batch") as raised:
        network.check(SHAPE)
    assert network.layer in str(raised.value) and "before" in str(raised.value)


def _normalised(x):
    moments = tf.nn.moments(x, [0, 1, 2])
    return tf.nn.batch_normalization(x, *moments, None, None, 1e-3)


def _flipped(x):
    return tf.transpose(x, [1, 0, 2, 3])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (_normalised, ["depend on the others of its batch", "batch normalisation"]),
        (_flipped, ["shape [4, 2, 4, 3]", "[2, ...]"]),
        (lambda x: tf.round(x), ["no gradient passes node", "(Round)"]),
        (lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), ["no gradient", "Cast"]),
        (lambda x: x / (x - x), ["not finite"]),
        (lambda x: tf.reshape(x, [1, 48]), ["Reshape", "fixed batch size"]),
    ],
)
def test_features_that_no_inversion_can_use(tmp_path, body, words):
    path = networks.saved(tmp_path / "n", {"x": (tf.float32, [None, 4, 4, 3])}, body)
    with pytest.raises(UserError) as raised:
        FeatureNetwork(path).check((4, 4, 3))
    assert all(word in str(raised.value) for word in words), raised.value
    assert "\n" not in str(raised.value)


def build_refused(path, layer=None, inputs=None, body=None, **options):
    inputs = inputs or {"x": (tf.float32, [None, 4, 4, 3])}
    path = networks.saved(path / "n", inputs, body or tf.nn.relu)
    return FeatureNetwork(path, layer, **options)


PICTURE = (tf.float32, [None, 4, 4, 3])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "Relu9"}, ["no layer 'Relu9'", "nearest are Relu"]),
        ({"body": lambda x: tf.argmax(x, 3)}, ["int64", "gradient"]),
        ({"layer": "c", "body": lambda x: x + tf.constant([1.0, 2, 3], name="c")}, ["not depend"]),
        ({"inputs": {"a": PICTURE, "b": PICTURE}, "body": lambda a, b: a + b}, ["2 pictures"]),
        ({"inputs": {"z": (tf.float32, [None, 8])}}, ["no picture", "rank 4"]),
        ({"inputs": {"x": (tf.float32, [None, 4, 4, 5])}}, ["1 or 3 channels"]),
        ({"size": 8}, ["4x4", "8"]),
        ({"size": 0}, ["4x4", "0"]),
        ({"image_range": "0,2"}, ["0,2", "-1,1"]),
        ({"signature": "nothing"}, ["nothing", "serving_default"]),
    ],
)
def test_networks_that_cannot_be_used(tmp_path, options, words):
    with pytest.raises(UserError) as raised:
        build_refused(tmp_path, **options)
    assert all(word in str(raised.value) for word in words), raised.value
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("source", ["no/such/network", "", __file__])
def test_sources_that_are_no_network(source):
    with pytest.raises(UserError, match="feature network"):
        FeatureNetwork(source)


def test_a_frozen_graph_by_its_tensors_with_the_names_of_the_right_flags(tmp_path):
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [None, 4, 4, 3], "images")
        with tf.name_scope("block"):
            tf.nn.softmax(tf.reduce_sum(tf.tanh(images, "Tanh"), [1, 2]), name="Softmax")
    path = tmp_path / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    network = FeatureNetwork(path, "Tanh", output="block/Softmax", image_range="0,1")
    np.testing.assert_allclose(network(IMAGES[:, :4, :4]), np.tanh(IMAGES[:, :4, :4]), atol=1e-6)
    assert any("--feature_input=images" in note for note in network.notes)
    alone = FeatureNetwork(path, "Tanh", image_range="0,1")
    assert any("--feature_output=block/Softmax" in note for note in alone.notes)
    with graph.as_default():
        tf.nn.softmax(tf.reduce_sum(images, [1, 2]), name="another")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(UserError, match="--feature_output") as raised:
        FeatureNetwork(path, "Tanh")
    assert "--output" not in str(raised.value)


def test_a_network_for_one_picture_takes_any_number(tmp_path):
    path = networks.saved(
        tmp_path / "one",
        {"x": (tf.float32, [1, 4, 4, 3])},
        lambda x: tf.reshape(tf.sin(x), [1, 48]),
    )
    network = FeatureNetwork(path, image_range="0,1")
    assert network.check((4, 4, 3)) == (48,)
    images = IMAGES[:, :4, :4]
    np.testing.assert_allclose(network(images), np.sin(images).reshape(3, 48), atol=1e-6)


def test_the_discriminator_of_a_converted_progan(tmp_path):
    from tfinv.networks.progan_export import export_discriminator
    from tfinv.networks.progan_settings import Settings, discriminator_shapes, random_arrays

    settings = Settings(3, 16, fmap_base=32, fmap_max=4, fused_scale=False)
    export_discriminator(settings, random_arrays(discriminator_shapes(settings)), tmp_path / "d")
    network = FeatureNetwork(tmp_path / "d", "8x8/Conv1")
    assert network.layer == "8x8/Conv1/LeakyRelu:0"
    assert network.check((16, 16, 3)) == (4, 8, 8)
    assert (network.feed.size, network.feed.range) == ((16, 16), "-1,1")
    with pytest.raises(UserError, match="depend on the others of its batch"):
        FeatureNetwork(tmp_path / "d", "4x4/Conv").check((16, 16, 3))


def test_the_discriminator_of_a_pickle_knows_its_range(tmp_path):
    path = progan_files.write(tmp_path / "net.pkl")
    network = FeatureNetwork(path, "8x8/Conv1_down", signature="D")
    assert (network.feed.size, network.feed.range) == ((16, 16), "-1,1")
    assert not any("assumed" in note for note in network.notes)
    images = IMAGES[:, :16, :16]
    wanted = FeatureNetwork(path, "8x8/Conv1_down", signature="D", image_range="-1,1")(images)
    np.testing.assert_array_equal(network(images), wanted)


def test_colour_does_not_fit_a_network_of_grey_pictures(tmp_path):
    network = build_refused(tmp_path, inputs={"x": (tf.float32, [None, 4, 4, 1])})
    assert network.check((4, 4, 1)) == (4, 4, 1)
    with pytest.raises(UserError, match="1 channels"):
        network.check((4, 4, 3))


def test_it_is_public():
    assert tfinv.FeatureNetwork is FeatureNetwork


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

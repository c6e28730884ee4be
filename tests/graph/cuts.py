"""Every way to cut a vector of twelve into pieces, and what is no cut."""

from __future__ import annotations

import tensorflow as tf

SIZE = 12
WHOLE, THREE = [(0, 12)], [(0, 4), (4, 8), (8, 12)]


def by_dynamic_shape(z):
    """As Keras's Reshape does it: the size of the batch is read off the input."""
    return tf.reshape(z, tf.stack([tf.shape(z)[0], 3, 4]))


CUTS = {
    "split": (lambda z: tf.split(z, 3, axis=1), THREE),
    "split, last axis": (lambda z: tf.split(z, 3, axis=-1), THREE),
    "sizes": (lambda z: tf.split(tf.identity(z), [5, 3, 4], axis=1), [(0, 5), (5, 8), (8, 12)]),
    "sizes and the rest": (lambda z: tf.split(z, [4, -1, 4], axis=1), THREE),
    "slices": (lambda z: [z[:, :4], z[:, 4:8], z[:, 8:]], THREE),
    "slices from the end": (lambda z: [z[:, -4:], z[:, :8]], [(0, 8), (8, 12)]),
    "tf.slice": (lambda z: [tf.slice(z, [0, k], [-1, 4]) for k in (0, 4, 8)], THREE),
    "tf.slice to the end": (lambda z: [z[:, :8], tf.slice(z, [0, 8], [-1, -1])], [(0, 8), (8, 12)]),
    "unstacked": (lambda z: tf.unstack(tf.reshape(z, [-1, 3, 4]), axis=1), THREE),
    "unstacked, any batch": (lambda z: tf.unstack(by_dynamic_shape(z), axis=1), THREE),
    "of a stack": (lambda z: [tf.reshape(z, [-1, 3, 4])[:, k] for k in range(3)], THREE),
    "of a transposed stack": (
        lambda z: tf.unstack(tf.transpose(tf.reshape(z, [-1, 3, 4]), [0, 2, 1]), axis=2),
        THREE,
    ),
    "split of a stack": (lambda z: tf.split(tf.reshape(z, [-1, 3, 4]), 3, axis=1), THREE),
    "gathered": (
        lambda z: [tf.gather(z, [k, k + 1, k + 2, k + 3], axis=1) for k in (0, 4, 8)],
        THREE,
    ),
    "of a cast": (lambda z: tf.split(tf.cast(z, tf.float16), 3, axis=1), THREE),
    "of an axis more": (lambda z: tf.split(z[:, None], 3, axis=2), THREE),
    "of a piece": (lambda z: [*tf.split(z[:, :8], 2, axis=1), z[:, 8:]], THREE),
    "one twice": (lambda z: [*tf.split(z, 3, axis=1), tf.split(z, 3, axis=1)[0]], THREE),
    "backwards": (lambda z: tf.split(z[:, ::-1], 3, axis=1), THREE),
    "shape too": (
        lambda z: [tf.cast(tf.shape(z), tf.float32), *tf.split(z, 3, axis=1)],
        THREE,
    ),
    # Something reads it all, or what is cut is not all of it, or it is not cut along z.
    "all of it too": (lambda z: [*tf.split(z, 3, axis=1), z], WHOLE),
    "none": (lambda z: [z], WHOLE),
    "not all": (lambda z: [z[:, :4], z[:, 8:]], WHOLE),
    "overlapping": (lambda z: [z[:, :7], z[:, 5:]], WHOLE),
    "strides": (lambda z: [z[:, ::2], z[:, 1::2]], WHOLE),
    "columns of a stack": (lambda z: tf.unstack(tf.reshape(z, [-1, 3, 4]), axis=2), WHOLE),
    "rows": (lambda z: [z[:1], z[1:]], WHOLE),
    "rows of the batch": (lambda z: [tf.reshape(z, [-1, 4])], WHOLE),
    "the first two rows": (lambda z: tf.unstack(z[:2], 2, axis=0), WHOLE),
    "by what it says itself": (lambda z: [tf.roll(z, tf.cast(z[0, 0], tf.int32), 1)], WHOLE),
}
"""(z to its pieces, the chunks that it is cut into), by name."""

MIXING_ROWS = {"rows", "rows of the batch", "the first two rows"}
"""Those after which a row is no longer one of z; all of z is taken to be read."""

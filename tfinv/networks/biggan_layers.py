"""The layers that BigGAN and BigGAN-deep share, as DeepMind's TF1 code writes them into a graph.

A module holds several applications of the same network: one that trains, one that gathers
statistics, the one that its signature shows. They share variables and differ in a `Branch`.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfinv.networks.biggan_statistics import Statistics

__all__ = ["Branch", "Layers", "variable"]

v1 = tf.compat.v1

_NORM_EPSILON = 1e-4
_SPECTRAL_EPSILON = 1e-4  # added to the squared norm


def variable(name: str, shape: list[int], suffix: str = "") -> tf.Variable:
    """A float32 variable in the scope around, whose values are given when the module is written."""
    full = f"{name}/{suffix}" if suffix else name
    return v1.get_variable(full, shape, tf.float32, v1.zeros_initializer(), use_resource=False)


@dataclass(frozen=True)
class Branch:
    """How one application of the generator treats what all of them share.

    Attributes:
      statistics: where its batch normalisation takes mean and variance from.
      averages: the suffix of the moving averages that it reads in place of the weights, or "".
      assigns: whether it stores the singular vectors after each power iteration.
    """

    statistics: Statistics
    averages: str = ""
    assigns: bool = False


class Layers:
    """Writes layers of one branch into the default graph, in the variable scope around.

    Kernels are HWIO, pictures NHWC. Formulas: Brock et al., "Large Scale GAN Training for High
    Fidelity Natural Image Synthesis" (2019), appendix B; spectral norm: Miyato et al. (2018).
    """

    def __init__(self, branch: Branch):
        self.branch = branch

    def weight(self, name: str, shape: list[int]) -> tf.Tensor:
        """A trained variable, or its moving average; both are in the graph either way."""
        raw, average = variable(name, shape), self.branch.averages
        return variable(name, shape, average) if average else raw

    def normed(self, shape: list[int], vectors: int) -> tf.Tensor:
        """The weight "w" divided by its spectral norm, from one power iteration.

        `vectors` singular vectors are followed, kept apart by Gram-Schmidt; the first one gives the
        norm. The others are there because training looks at them.
        """
        w = self.weight("w", shape)
        matrix = tf.reshape(w, [-1, shape[-1]])
        left, right, stored = [], [], []
        for k in range(vectors):
            u = variable(f"u{k}", [1, shape[-1]])
            left.append(_unit(_apart(tf.matmul(u, matrix, transpose_b=True), left)))
            right.append(_unit(_apart(tf.matmul(left[k], matrix), right)))
            stored.append(v1.assign(u, right[k]) if self.branch.assigns else right[k])
        v, u = tf.stop_gradient(left[0]), tf.stop_gradient(stored[0])
        sigma = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)
        return w / tf.reshape(sigma, [])

    def linear(
        self, x: tf.Tensor, outputs: int, scope: str, *, bias: bool = True, vectors: int = 1
    ) -> tf.Tensor:
        """float32 [N, inputs] to [N, outputs]; `vectors` 0 leaves the weight as it is."""
        with v1.variable_scope(scope):
            shape = [x.shape[1], outputs]
            w = self.normed(shape, vectors) if vectors else self.weight("w", shape)
            y = tf.matmul(x, w)
            return y + self.weight("b", [outputs]) if bias else y

    def conv(
        self, x: tf.Tensor, outputs: int, size: int, scope: str, *, bias: bool = True
    ) -> tf.Tensor:
        """A convolution of stride 1 that keeps height and width."""
        with v1.variable_scope(scope):
            w = self.normed([size, size, x.shape[-1], outputs], 1)
            y = tf.nn.conv2d(x, w, 1, "SAME")
            return tf.nn.bias_add(y, self.weight("b", [outputs])) if bias else y

    def norm(
        self,
        x: tf.Tensor,
        condition: tf.Tensor | None,
        scope: str,
        *,
        names: tuple[str, str],
        statistics: str | None = None,
    ) -> tf.Tensor:
        """Batch norm; its gain and bias are variables, or linear in the condition [N, k].

        Args:
          x: float32 [N, H, W, C].
          condition: gain = 1 + linear(condition), bias = linear(condition); None: two variables.
          scope: of the gain and the bias, whose `names` follow.
          names: what they are called there.
          statistics: scope of mean and variance, where it is another one.
        """
        channels = x.shape[-1]
        with v1.variable_scope(statistics or scope):
            mean, variance = self.branch.statistics(x)
        with v1.variable_scope(scope):
            if condition is None:
                gain, bias = (self.weight(name, [channels]) for name in names)
            else:
                gain, bias = (
                    self.linear(condition, channels, name, bias=False)[:, None, None, :]
                    for name in names
                )
                gain = 1 + gain
        return tf.nn.batch_normalization(x, mean, variance, bias, gain, _NORM_EPSILON)

    def attention(self, x: tf.Tensor, scope: str = "attention") -> tf.Tensor:
        """`x + gamma * o(softmax(theta phi^T) g)`, keys and values pooled to a quarter."""
        _, height, width, channels = x.shape
        few, half = max(channels // 8, 1), max(channels // 2, 1)
        with v1.variable_scope(scope):
            theta = self.conv(x, few, 1, "theta", bias=False)
            phi = tf.nn.max_pool2d(self.conv(x, few, 1, "phi", bias=False), 2, 2, "SAME")
            g = tf.nn.max_pool2d(self.conv(x, half, 1, "g", bias=False), 2, 2, "SAME")
            theta, phi, g = (
                tf.reshape(t, [-1, t.shape[1] * t.shape[2], t.shape[3]]) for t in (theta, phi, g)
            )
            weights = tf.nn.softmax(tf.matmul(theta, phi, transpose_b=True))
            o = tf.reshape(tf.matmul(weights, g), [-1, height, width, half])
            return x + self.weight("gamma", []) * self.conv(o, channels, 1, "o_conv", bias=False)

    def upsample(self, x: tf.Tensor) -> tf.Tensor:
        """Doubles height and width by repetition."""
        return v1.image.resize_nearest_neighbor(x, [2 * x.shape[1], 2 * x.shape[2]])


def _apart(vector: tf.Tensor, others: list[tf.Tensor]) -> tf.Tensor:
    """What is left of a row vector when its parts along the others, of length 1, are taken off."""
    for other in others:
        vector -= tf.reduce_sum(vector * other) * other
    return vector


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return vector * tf.math.rsqrt(tf.reduce_sum(tf.square(vector)) + _SPECTRAL_EPSILON)

"""The flags that say which pictures, and how many; a command declares those that it takes."""

from __future__ import annotations

from absl import flags

__all__ = ["COUNT", "IMAGES"]

IMAGES = flags.DEFINE_list(
    "images",
    None,
    "What to invert, separated by commas: files, globs, folders, .tfrecord files, "
    "package:NAME/PATH for files inside an installed package, sample:N for N pictures drawn by "
    "the generator itself, noise:N for N of white noise. (tfinv.study: by default samples; its "
    "study components takes samples and noise too, whatever is given.)",
)
COUNT = flags.DEFINE_integer(
    "count",
    None,
    "Pictures of each set. tfinv.evaluate: by default 1000, chosen at random where there are more. "
    "tfinv.study: the first ones, by default 32, and 160 for components, which shows no more "
    "components than it has pictures. tfinv.restore: the first ones of all, by default all.",
    lower_bound=1,
)

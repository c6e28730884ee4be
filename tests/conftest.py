"""What every test runs under: one fixed set of examples, and no window, log or cache of its own."""

from __future__ import annotations

import os

import hypothesis

# Before anything imports TensorFlow or matplotlib: both read these once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["MPLBACKEND"] = "Agg"

# The same examples everywhere and always. No deadline: XLA compiles inside a first example.
hypothesis.settings.register_profile(
    "tfinv",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tfinv")

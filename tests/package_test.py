"""The package as a whole: what importing it costs, that all of it imports, how long files are."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tfinv

LAYERS = (
    "errors",
    "images",
    "graph",
    "features",
    "generators",
    "networks",
    "training",
    "inversion",
    "results",
    "applications",
    "commands",
)
MAX_LINES = 350

PACKAGE = Path(tfinv.__file__).parent
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], prefix="tfinv."))


def fresh_python(code: str) -> subprocess.CompletedProcess[str]:
    """Runs code where nothing is imported yet and no variable quietens TensorFlow."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    environment["PYTHONPATH"] = str(PACKAGE.parent)
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_package_is_silent_and_cheap():
    done = fresh_python("import tfinv, sys; print(*sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")
    heavy = {"matplotlib", "tensorflow", "tensorflow_hub", "tf_keras"}
    assert not heavy & set(done.stdout.split())


def test_everything_public_can_be_had_without_what_few_need():
    # None makes an import fail. (Looking at sys.modules would not do: Keras imports matplotlib.)
    absent = "dict.fromkeys(['matplotlib', 'tensorflow_hub', 'tf_keras'])"
    names = "[getattr(tfinv, name) for name in tfinv.__all__]"
    done = fresh_python(f"import sys; sys.modules.update({absent}); import tfinv; {names}")
    assert done.returncode == 0, done.stderr


def test_every_layer_is_there():
    assert {f"tfinv.{layer}" for layer in LAYERS} <= set(MODULES)


def test_every_module_imports_and_says_what_it_is_for():
    # In a process of their own: the commands define their flags as they are imported.
    silent = f"[m for m in {MODULES} if not importlib.import_module(m).__doc__]"
    done = fresh_python(f"import importlib; print({silent})")
    assert done.stdout.strip() == "[]", done.stderr


def test_version_is_that_of_the_distribution():
    assert tfinv.__version__ == importlib.metadata.version("tfinv")


def test_type_checkers_may_read_the_annotations():
    assert (PACKAGE / "py.typed").is_file()


def test_no_file_is_too_long_for_one_idea():
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))

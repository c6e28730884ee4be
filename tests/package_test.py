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

LAYERS = ("errors", "images", "graph", "generators", "networks", "training", "inversion", "results")
MAX_LINES = 350

PACKAGE = Path(tfinv.__file__).parent
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], prefix="tfinv."))


def fresh_python(code: str) -> subprocess.CompletedProcess[str]:
    """Runs code where nothing is imported yet and no variable quietens TensorFlow."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def imported() -> subprocess.CompletedProcess[str]:
    return fresh_python("import sys, tfinv; print(*sys.modules, sep='\\n')")


@pytest.mark.parametrize("module", ["tensorflow_hub", "tf_keras", "matplotlib"])
def test_importing_the_package_leaves_out(imported, module):
    modules = imported.stdout.split()
    assert "tfinv" in modules
    assert module not in modules


def test_importing_the_package_is_silent(imported):
    assert imported.returncode == 0
    assert imported.stderr == ""


def test_every_layer_is_there():
    assert {f"tfinv.{layer}" for layer in LAYERS} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_module_imports(module):
    assert importlib.import_module(module).__doc__, "a module says in its first line what it is for"


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

"""What pyproject.toml cannot say: configs/ also ships inside the wheel, as tfinv/configs/."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["tfinv", "tfinv.*"]), "tfinv.configs"],
    package_dir={"tfinv.configs": "configs"},
    package_data={"tfinv": ["py.typed", "assets/**"], "tfinv.configs": ["*.cfg"]},
)

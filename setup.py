"""What pyproject.toml cannot say: configs/ also ships inside the wheel, as tfinv/configs/."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["tfinv", "tfinv.*"]), "tfinv.configs"],
    package_dir={"tfinv.configs": "configs"},
    include_package_data=False,  # MANIFEST.in is for the source archive
    package_data={"tfinv": ["py.typed", "assets/**"], "tfinv.configs": ["*.cfg", "*.csv"]},
)

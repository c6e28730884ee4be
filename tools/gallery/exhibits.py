"""What the page of pictures shows, in its order; see make_gallery.py."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EXHIBITS", "Exhibit"]


class Exhibit(NamedTuple):
    """One picture of the page, and how it is made.

    Attributes:
      name: of its file.
      title: a heading.
      text: what is to be seen, in Markdown.
      commands: lines that begin with `python`, run in their order after those of earlier exhibits.
      picture: what the last one leaves, from the folder where it runs.
    """

    name: str
    title: str
    text: str
    commands: tuple[str, ...]
    picture: str

    @property
    def kept(self) -> str:
        """The picture's place, from the folder of the page."""
        return f"images/gallery/{self.name}.png"


EXHIBITS = (
    Exhibit(
        "layers",
        "The same photographs at four layers",
        "The latent draws something of the kind, the first dense layer draws the picture, and the "
        "layers behind it leave nothing to be seen. [How](METHOD.md)",
        (
            "python -m tfinv.invert --generator=dcgan_cifar10 "
            "--images=package:skimage/data/astronaut.png,package:skimage/data/chelsea.png,"
            "package:skimage/data/coffee.png,package:skimage/data/rocket.jpg "
            "--stages=latent,dense,deconv_1/FusedBatchNormV3:0,deconv_2/FusedBatchNormV3:0 "
            "--output_dir=layers",
        ),
        "layers/contact_sheet.png",
    ),
    Exhibit(
        "pictures",
        "From one photograph to the next",
        "Codes at the dense layer, blended; at both ends is what the inversion found, pixel for "
        "pixel. [How](INTERPOLATE.md)",
        (
            "python -m tfinv.invert --flagfile=configs/quickstart.cfg",
            "python -m tfinv.interpolate --flagfile=configs/interpolate.cfg",
        ),
        "interpolate/grid.png",
    ),
    Exhibit(
        "stages",
        "From what the latent can draw to what the dense layer can",
        "`g2(g1(z*) + a delta*)`. What the dense layer adds pays late: halfway, the picture is no "
        "nearer to the photograph than at the start.",
        (
            "python -m tfinv.interpolate --results=quickstart --path=stages --pictures=0,1,2,3 "
            "--output_dir=stages",
        ),
        "stages/grid.png",
    ),
    Exhibit(
        "attribute",
        "Along an attribute",
        "A vector between the mean code of grey photographs and that of colour ones, learnt from "
        "the quickstart's pictures. [How](EDIT.md)",
        ("python -m tfinv.edit --flagfile=configs/edit.cfg",),
        "edit/strip-colour.png",
    ),
    Exhibit(
        "small",
        "What 64 pixels were",
        "Inverted through the reduction to 8x8. The generator knows what its own pictures look "
        "like; photographs come back sharper than any filter brings them, and less true. "
        "[How](RESTORE.md)",
        ("python -m tfinv.restore --flagfile=configs/restore.cfg",),
        "restored/contact_sheet.png",
    ),
    Exhibit(
        "hole",
        "What was in the middle",
        "A quarter of each picture is unknown; what is known is pasted over what was drawn.",
        (
            "python -m tfinv.restore --flagfile=configs/restore.cfg --degradation=center:0.25 "
            "--output_dir=hole",
        ),
        "hole/contact_sheet.png",
    ),
    Exhibit(
        "video",
        "A video as a whole",
        "A window that slides over a photograph: frames inverted together, so that a code changes "
        "by what the frames need, and each on its own terms. [How](VIDEO.md)",
        (
            "python tools/make_panning.py --image=package:skimage/data/chelsea.png "
            "--output_dir=panning",
            "python -m tfinv.video --flagfile=configs/video.cfg",
        ),
        "video/sheet.png",
    ),
    Exhibit(
        "classes",
        "From class to class, with a BigGAN",
        "The code is held and the class moves. The published weights are not tfinv's to hand out, "
        "so this is a stand-in with the module's graph and **random weights**: it shows that the "
        "command works on such a file, not what a trained one draws.",
        (
            "python tools/make_biggan.py --resolution=128 --width=16 --output_dir=biggan-noise",
            "python -m tfinv.invert --generator=biggan-noise --images=sample:3 --stages=latent,"
            "dense --max_evaluations=60,60 --output_dir=noise",
            "python -m tfinv.interpolate --results=noise --path=classes --to_class=tench,goldfish "
            "--steps=5 --output_dir=classes",
        ),
        "classes/grid.png",
    ),
    Exhibit(
        "regions",
        "Regions, by the generator's attention",
        "The same stand-in: its weights have learnt nothing, so regions are likeness of colour and "
        "texture seen through random filters. [How, and what a trained one does](SEGMENT.md)",
        (
            "python -m tfinv.invert --generator=biggan-noise --label=0 --layer=GBlock_2/add "
            "--images=package:skimage/data/astronaut.png,package:skimage/data/chelsea.png,"
            "package:skimage/data/coffee.png --max_evaluations=200 --output_dir=noise-photos",
            "python -m tfinv.segment --results=noise-photos --output_dir=segments-photos",
        ),
        "segments-photos/sheet-000.png",
    ),
)

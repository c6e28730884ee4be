"""What a format is asked for, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from tfinv.graph.model import GraphModel

__all__ = ["Reading", "Request"]


@dataclass(frozen=True)
class Request:
    """What a user says about a file beside its path; a format refuses what it has no use for.

    Attributes:
      signature: which signature to read, where the file has several.
      inputs: the tensors to feed, "z:0" or "z", where the file does not say.
      output: the tensor of the picture, where the file does not say or has several outputs.
    """

    signature: str | None = None
    inputs: tuple[str, ...] = ()
    output: str | None = None


@dataclass(frozen=True)
class Reading:
    """A generator's graph, with what its format proves beyond it.

    Attributes:
      model: the graph.
      image_range: a name in `output.border.RANGES`, of the pictures that the network makes or
        takes, where the format fixes it; None to find out.
      notes: lines that a user should know, such as how batch norm was frozen.
    """

    model: GraphModel
    image_range: str | None = None
    notes: tuple[str, ...] = ()

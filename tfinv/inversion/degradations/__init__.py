"""What a picture went through before it was seen; a new one is a file here and a line in STEPS."""

from tfinv.inversion.degradations.chains import find_degradation
from tfinv.inversion.degradations.degradation import Degradation
from tfinv.inversion.degradations.registry import MASKS, STEPS

__all__ = ["MASKS", "STEPS", "Degradation", "find_degradation"]

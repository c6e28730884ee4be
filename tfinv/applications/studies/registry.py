"""The studies by name; a new one is a file here and a line in `STUDIES`."""

from __future__ import annotations

from tfinv.applications.studies import components, gradient, losses, open_relus
from tfinv.applications.studies.study import Study

__all__ = ["STUDIES"]

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (open_relus.STUDY, components.STUDY, losses.STUDY, gradient.STUDY)
}

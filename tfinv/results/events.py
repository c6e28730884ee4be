"""TensorBoard events: RMSE of every image, its distribution, and the first pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from tfinv.errors import UserError
from tfinv.images.grids import grid
from tfinv.images.ranges import to_float
from tfinv.results.files import storage_errors
from tfinv.results.folder import EVENTS, remove_events
from tfinv.results.pictures import Shown
from tfinv.results.record import ImageResult
from tfinv.results.store import Store
from tfinv.results.tally import Tally

__all__ = ["write_events"]


def write_events(
    store: Store, rows: Iterable[ImageResult], tally: Tally, shown: Collection[Shown]
) -> None:
    """Writes the folder `events`, in place of an earlier one.

    Scalars `rmse/STAGE` and `evaluations/STAGE` have the image's place in the run as their step;
    `rmse/STAGE` is a histogram too; each picture is a row of target and reconstructions.

    Args:
      store: where it goes.
      rows: all results, without arrays.
      tally: the run's numbers.
      shown: the images to show.

    Raises:
      UserError: if the file system refuses.
    """
    import tensorflow as tf

    with storage_errors(store.folder / EVENTS, store.kept()):
        remove_events(store.folder)
    try:
        writer = tf.summary.create_file_writer(str(store.folder / EVENTS))
        with writer.as_default():
            for row in rows:
                if not row.failed:
                    tf.summary.scalar(f"rmse/{row.stage}", row.rmse, row.index)
                    tf.summary.scalar(f"evaluations/{row.stage}", row.evaluations, row.index)
            for stage, numbers in tally.stages.items():
                if numbers.count:
                    tf.summary.histogram(f"rmse histogram/{stage}", numbers.rmse, step=0)
            for image in shown:
                strip = [p for p in (image.target, *image.images) if p is not None]
                picture = to_float(grid(np.stack(strip), columns=len(strip)))
                tf.summary.image(image.rows[0].name, picture[None], step=0)
        writer.close()
    except (tf.errors.OpError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{store.folder / EVENTS}: cannot be written: {reason}; {store.kept()}"
        ) from error

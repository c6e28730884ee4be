"""An evaluation: sets of pictures inverted at several layers, a resumable run for each cell."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tfinv.applications.evaluation.layers import (
    default_budgets,
    default_layers,
    folder_name,
    order_layers,
)
from tfinv.applications.evaluation.sets import ImageSet
from tfinv.applications.evaluation.starts import LATER_STARTS, Relay, carried_start, depends_on
from tfinv.applications.evaluation.summary import Key, cells_of
from tfinv.applications.inversion import invert_pictures
from tfinv.applications.pictures import read_pictures
from tfinv.applications.stored import stored_start
from tfinv.errors import UserError
from tfinv.generators.generator import Generator
from tfinv.generators.split import LATENT
from tfinv.inversion.engine import Inverter
from tfinv.inversion.stages import Stage
from tfinv.inversion.starts import find_start
from tfinv.inversion.unknowns import CODE, free_names
from tfinv.results.evaluation.verdict import Verdict, judge
from tfinv.results.finish import earlier, finish
from tfinv.results.folder import make_folder
from tfinv.results.progress import Progress
from tfinv.results.store import Store
from tfinv.results.tally import RunInfo

__all__ = ["Evaluation"]


class Evaluation:
    """Measures how well layers of a generator can write down sets of pictures.

    Each cell, a set at a layer, is a run of its own, in the folder SET/LAYER: what is finished is
    never computed again, also when layers, sets or pictures are added later.

    Args:
      generator: from `tfinv.load_generator`.
      sets: from `parse_sets`.
      layers: names; by default `default_layers`.
      count: pictures of each set, chosen at random where there are more.
      max_evaluations: budget of a picture, for all layers or one for each; by default
        `default_budgets`.
      later_start: one of `LATER_STARTS`, for all layers but the first.
      label: class of pictures that bring none of their own.
      seed: of what is drawn, chosen and started from.
      batch_size: pictures at a time.
      solver: of the inversion.
      restarts: how often a picture that the first layer does not recover begins there again.
      run_options: `devices` and `save_every` of `invert_pictures`.
      options: further ones of `tfinv.Inverter`.

    Attributes:
      layers: as they will run, the latent first.
      later_start: where those behind the first start.
      depends: the layers whose results decide each one's.
      wanted: the places of the pictures of each set.
      budgets: evaluations that a picture may take, of each layer.
      solver: the first layer's.
      optimize: what is optimised at one layer or another.
      optimize_at: the same of each layer.

    Raises:
      UserError: if the options do not fit together.
    """

    def __init__(
        self,
        generator: Generator,
        sets: Sequence[ImageSet],
        layers: Sequence[str] | None = None,
        *,
        count: int = 1000,
        max_evaluations: Sequence[int] | None = None,
        later_start: str = "open",
        label: int | None = None,
        seed: int = 0,
        batch_size: int = 32,
        solver: str = "lbfgs",
        restarts: int = 0,
        run_options: Mapping[str, Any] | None = None,
        **options: Any,
    ):
        self._run_options = run_options or {}
        self.generator, self.sets, self.seed = generator, tuple(sets), seed
        self._label, self._solver = label, solver
        self.layers = order_layers(default_layers(generator) if layers is None else layers)
        self.later_start = later_start
        if self.later_start not in LATER_STARTS:
            known = ", ".join(LATER_STARTS)
            raise UserError(f"start {self.later_start!r} of later layers is not one of {known}")
        self.depends = {k: depends_on(self.layers, k, self.later_start) for k in self.layers}
        self.wanted = {one.name: one.choose(count, seed) for one in self.sets}
        self._relay = Relay()
        # All layers as stages of one inversion: what does not fit together is refused there.
        whole = Inverter(
            generator,
            self.layers,
            max_evaluations=max_evaluations or default_budgets(self.layers, solver),
            solver=solver,
            **options,
        )
        self.budgets = [stage.solver.max_evaluations for stage in whole.stages]
        self.solver, self.optimize = whole.stages[0].solver, whole.optimize
        self._rests = dict(zip(self.layers, whole.rests, strict=True))
        self._inverters = {
            stage.layer: Inverter(
                generator,
                _alone(generator, stage),
                start=self._relay.as_start(),
                batch_size=min(batch_size, max(map(len, self.wanted.values()))),
                seed=seed,
                restarts=restarts if stage.layer == self.layers[0] else 0,
            )
            for stage in whole.stages
        }

        self.optimize_at = {layer: own.optimize for layer, own in self._inverters.items()}

    @property
    def drawn(self) -> tuple[str, ...]:
        """The sets that the generator drew itself."""
        return tuple(one.name for one in self.sets if one.drawn)

    @property
    def images(self) -> int:
        """Pictures of all cells together."""
        return sum(map(len, self.wanted.values())) * len(self.layers)

    def open(
        self,
        folder: Path,
        config_of: Callable[[ImageSet, Sequence[str]], str],
        stack: ExitStack,
        *,
        overwrite: bool = False,
    ) -> dict[Key, Store]:
        """Opens the folders of all cells, before anything is computed.

        Args:
          folder: of the evaluation, which exists.
          config_of: given a set and the layers that decide a cell, its own last, the flags that
            repeat it.
          stack: closes them.
          overwrite: remove what earlier runs left in them.

        Raises:
          UserError: if one holds a different run, and says how it differs.
        """
        stores, shared = {}, {"identity": {"generator": self.generator.digest}}
        for one in self.sets:
            make_folder(folder / one.name)
            for layer in self.layers:
                config = config_of(one, [*self.depends[layer], layer])
                place = folder / one.name / folder_name(layer)
                store = Store(place, config_text=config, overwrite=overwrite, **shared)
                stores[one.name, layer] = stack.enter_context(store)
        return stores

    def count_done(self, stores: dict[Key, Store]) -> int:
        """Pictures of all cells that need not be done again."""
        return sum(len(self.wanted[key[0]] & stores[key].finished_indices()) for key in stores)

    def run(
        self,
        stores: dict[Key, Store],
        progress: Progress,
        on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    ) -> None:
        """Does what is not done yet, samples of the generator first.

        Args:
          stores: from `open`.
          progress: of `images`.
          on_verdict: called once, when what the generator draws has been through all layers.

        Raises:
          UserError: if it cannot go on; what is finished is kept.
        """
        said = False
        for one in sorted(self.sets, key=lambda one: not one.drawn):
            if not (said or one.drawn):
                on_verdict(judge(cells_of(self, stores), self.drawn))
                said = True
            for layer in self.layers:
                self._run_cell(one, layer, stores, progress)

    def _run_cell(
        self, one: ImageSet, layer: str, stores: dict[Key, Store], progress: Progress
    ) -> None:
        store, wanted = stores[one.name, layer], self.wanted[one.name]
        progress.begin(f"{one.name}, {layer}")
        if wanted <= store.finished_indices():
            store.forget()
            return
        started = time.monotonic()
        names = self._prepare_start(one, layer, stores)
        pictures = read_pictures(
            self.generator,
            one.specs,
            label=self._label,
            seed=self.seed,
            is_done=lambda index, name: index not in wanted or store.is_finished(index, name),
        )
        try:
            invert_pictures(
                self._inverters[layer],
                pictures,
                store,
                stored_names=names,
                on_batch=progress.update,
                on_progress=lambda stage, state: progress.doing(
                    f"{state.evaluations.numpy().max()} evaluations"
                ),
                on_note=lambda text: progress.say(f"note: {text}"),
                **self._run_options,
            )
        finally:
            if finished := store.finished_indices():
                info = RunInfo(
                    generator=self.generator.path,
                    stages=(layer,),
                    solver=self._solver,
                    seconds=time.monotonic() - started + earlier(store).seconds,
                    partial=not wanted <= finished,
                )
                finish(store, info)

    def _prepare_start(
        self, one: ImageSet, layer: str, stores: dict[Key, Store]
    ) -> dict[int, str] | None:
        """Sets where the cell starts; names the pictures that have one, or None for all."""
        if not self.depends[layer]:
            self._relay.start = find_start("prior")
            return None
        before = self.depends[layer][-1]
        if all(row.failed for row in stores[one.name, before].rows()):
            return {}
        folder = stores[one.name, before].folder
        if self.later_start in ("open", "previous"):
            opens = self.later_start == "open" and before == LATENT and self._rests[layer]
            found = carried_start(folder, self.generator.split(before), before, opens=opens)
        else:
            found = stored_start(folder, layer)
        self._relay.start = found.start
        return found.names


def _alone(generator: Generator, stage: Stage) -> Stage:
    """A stage of several as the only one: without wishes that others of them fulfil."""
    free = generator.split(stage.layer, free_names(stage.optimize)).free
    held = stage.constraint if LATENT in (stage.layer, *free) else None
    return dataclasses.replace(stage, optimize=(CODE, *free), constraint=held)

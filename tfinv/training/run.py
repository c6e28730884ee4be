"""A training run in a folder: checkpoints, sample sheets, progress, and the export at the end."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from tfinv.errors import UserError
from tfinv.images.grids import grid
from tfinv.networks.dcgan import DCGANCritic, DCGANGenerator
from tfinv.training.calibration import calibrate
from tfinv.training.export import export
from tfinv.training.objectives import OBJECTIVES
from tfinv.training.trainer import Trainer

__all__ = ["TrainingRun"]

_IDENTITY = ("objective", "critic_width", "batch_size", "seed")  # what a checkpoint depends on
_SHEET = 100  # pictures on a sample sheet


@dataclass
class TrainingRun:
    """Trains the thesis's chapter 5 generator, in one folder, for as many steps as asked.

    The folder holds `checkpoints/` (the last one is what `train` goes on from), `samples/` (sheets
    of the same latents as training goes on), TensorBoard `events/`, and after `export` the
    SavedModel in `generator/`.

    Attributes:
      folder: where the run lives; created if missing.
      images: uint8 [M, 32, 32, 3].
      objective: a name in `OBJECTIVES`.
      learning_rate: of the generator; None for the objective's own.
      critic_learning_rate: of the critic; None for the objective's own.
      critic_width: maps after the critic's first convolution.
      steps: generator steps in all, over every sitting.
      batch_size: pictures a step.
      seed: of weights, batches and latents.
      save_minutes: time between two checkpoints.
      sheet_steps: steps between two sample sheets.
    """

    folder: Path
    images: np.ndarray
    objective: str = "hinge"
    learning_rate: float | None = None
    critic_learning_rate: float | None = None
    critic_width: int = 64
    steps: int = 100_000
    batch_size: int = 64
    seed: int = 0
    save_minutes: float = 5.0
    sheet_steps: int = 2_000

    def __post_init__(self) -> None:
        objective = OBJECTIVES[self.objective]
        for field in ("learning_rate", "critic_learning_rate"):
            if getattr(self, field) is not None:
                objective = dataclasses.replace(objective, **{field: getattr(self, field)})
        size, channels = self.images.shape[1], self.images.shape[3]
        self.generator = DCGANGenerator(channels=channels, seed=self.seed)
        critic = DCGANCritic(
            image_size=size,
            channels=channels,
            width=self.critic_width,
            spectral_norm=objective.spectral_norm,
            seed=self.seed + 1,
        )
        self.trainer = Trainer(
            self.generator,
            critic,
            objective,
            self.images,
            batch_size=self.batch_size,
            steps=self.steps,
            seed=self.seed,
        )
        self._claim_folder()
        checkpoint = tf.train.Checkpoint(trainer=self.trainer)
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(self.folder / "checkpoints"), max_to_keep=3
        )
        if self._manager.latest_checkpoint:
            checkpoint.restore(self._manager.latest_checkpoint).assert_consumed()

    def _claim_folder(self) -> None:
        """Makes the folder, or checks that it holds a run of the same networks and batches."""
        mine = {name: getattr(self, name) for name in _IDENTITY}
        path = self.folder / "run.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            there = json.loads(path.read_text()) if path.exists() else mine
            path.write_text(json.dumps(mine if there == mine else there, indent=2) + "\n")
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.folder} cannot hold a training run ({error}): choose another --output_dir"
            ) from None
        for name, value in mine.items():
            if there.get(name) != value:
                raise UserError(
                    f"{self.folder} holds a run with --{name}={there.get(name)}, not {value}: give "
                    "that, or choose another --output_dir"
                )

    @property
    def step(self) -> int:
        """Generator steps taken so far."""
        return int(self.trainer.step)

    def train(self, *, seconds: float = float("inf"), say: Callable[[str], None] = print) -> bool:
        """Trains until all steps are taken, the time is up, or Ctrl-C; the state is saved.

        Args:
          seconds: time to stop after.
          say: told in one line where the run stands when it stops early.

        Returns:
          Whether all steps have been taken.
        """
        start = saved = time.monotonic()
        writer = tf.summary.create_file_writer(str(self.folder / "events"))
        bar = tqdm(total=self.steps, initial=self.step, unit="step", desc="training")
        try:
            while self.step < self.steps and time.monotonic() - start < seconds:
                losses = self.trainer.train_step()
                bar.update()
                step = self.step
                if step % 50 == 0:
                    bar.set_postfix({k: f"{float(v):.3f}" for k, v in losses.items()})
                    with writer.as_default(step=step):
                        for key, value in losses.items():
                            tf.summary.scalar(key, value)
                if step % self.sheet_steps == 0:
                    self.write_sheet()
                if time.monotonic() - saved > 60 * self.save_minutes:
                    self._manager.save(step)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            say("interrupted")
        finally:
            bar.close()
            writer.close()
            self._manager.save(self.step)
        if self.step < self.steps:
            say(f"{self.step} of {self.steps} steps are done; the same command goes on from there")
        return self.step >= self.steps

    def write_sheet(self) -> Path:
        """Draws the same latents at every call, on batch statistics; returns the PNG's path."""
        z = tf.random.stateless_normal([_SHEET, self.generator.latent_size], (self.seed, -1))
        images = (self.generator(z, training=True).numpy() + 1.0) / 2.0
        path = self.folder / "samples" / f"step-{self.step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(grid(images)).save(path)
        return path

    def export(self) -> Path:
        """Calibrates batch norm, writes the SavedModel, returns its folder."""
        calibrate(self.generator, seed=self.seed)
        path = self.folder / "generator"
        export(self.generator, path)
        return path

"""evaluation=compositions: images with classes under every composition. Imports torch only when it tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modrobust.corruption.choice import Composition, choose, parse_shard, share
from modrobust.errors import UserError
from modrobust.evaluation.evaluation import Evaluation, Output

if TYPE_CHECKING:
    from modrobust.corruption.corruption import Corruption
    from modrobust.method.experiment import Experiment
    from modrobust.method.made import Made


class Compositions(Evaluation):
    """Accuracy and loss of every composition, image by image."""

    def __init__(
        self,
        split: str,
        compositions: Sequence[str] | None = None,
        max_length: int | None = None,
        batch_size: int | str = "auto",
        shard: str = "1/1",
        activations: bool | str = False,
    ) -> None:
        """Keep the settings.

        Args:
            split: of the dataset, whose images are tested.
            compositions: labels such as Contrast-Swirl; None for those of the corruptions.
            max_length: leave out compositions of more corruptions; None for no limit.
            batch_size: images a forward pass; auto: 256, on a GPU 2048.
            shard: 2/8 for the second of eight shares of the compositions.
            activations: also class means and unit maxima of penultimate features; 'raw': the features, too.

        Raises:
            UserError: the shard is no share.
        """
        self.split, self.only, self.max_length = split, compositions, max_length
        self.batch_size, self.activations = batch_size, activations
        self.part, self.of = parse_shard(shard)

    def chosen(self, corruption: "Corruption") -> list[Composition]:
        """This share's compositions, in order. Raises UserError where a name is unknown or nothing is left."""
        every = choose(corruption.compositions, corruption.elemental, self.only, self.max_length)
        return share(every, self.part, self.of)

    def check(self, experiment: "Experiment") -> None:
        """Refuse a split that there is not, unknown names, data that is no images with classes, functions that fail."""
        dataset = experiment.dataset
        if self.split not in dataset.splits:
            allowed = ", ".join(dataset.splits)
            raise UserError(f"evaluation.split={self.split}: {dataset.name} has the splits {allowed}.")
        asked = set().union(*self.chosen(experiment.corruption))
        few = dataset.splits["train"].take(slice(4), experiment.device)
        experiment.corruption.try_out(few.inputs, "train", few.index, asked)

    def draw(self, experiment: "Experiment", folder: Path) -> None:
        """Write training.png, a batch under each corruption, and compositions.png, one test image under all."""
        from modrobust.evaluation.pictures import draw_inputs

        draw_inputs(experiment, self.chosen(experiment.corruption), folder)

    def __call__(self, made: "Made", experiment: "Experiment", output: Output) -> None:
        """See `Evaluation`; the files are told in `results.write`."""
        from modrobust.evaluation.examples import write_examples
        from modrobust.evaluation.results import write
        from modrobust.evaluation.testing import evaluate

        if not callable(made.predictor):
            raise UserError("only parts were trained, there is nothing to test: evaluate=false.")
        corruption, dataset = experiment.corruption, experiment.dataset
        if output.examples:
            every = choose(corruption.compositions, corruption.elemental, self.only, self.max_length)
            write_examples(output.examples, dataset, self.split, corruption, every)
        results = evaluate(
            made.predictor,
            dataset,
            self.split,
            corruption,
            self.chosen(corruption),
            self.batch_size,
            experiment.device,
            output.folder,
            self.activations,
            output.checkpoint_seconds,
            experiment.training.autocast,
            output.watch,
        )
        write(results, dataset.splits[self.split], output.folder, {**output.columns, "split": self.split})

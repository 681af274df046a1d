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
        severities: Sequence[int] | None = None,
    ) -> None:
        """Keep the settings.

        Args:
            split: of the dataset, whose images are tested.
            compositions: labels such as Contrast-Swirl; None for those of the corruptions.
            max_length: leave out compositions of more corruptions; None for no limit.
            batch_size: images a forward pass; auto: 256, on a GPU 2048.
            shard: 2/8 for the second of eight shares of the compositions.
            severities: besides, all corruptions that have severities are tested at these; None for not.
            activations: also class means and unit maxima of penultimate features; 'raw': the features, too.

        Raises:
            UserError: the shard is no share.
        """
        self.split, self.only, self.max_length = split, compositions, max_length
        self.batch_size, self.activations, self.severities = batch_size, activations, severities
        self.part, self.of = parse_shard(shard)

    def chosen(self, corruption: "Corruption") -> list[Composition]:
        """This share's compositions, in order. Raises UserError where a name is unknown or nothing is left."""
        every = choose(corruption.compositions, corruption.elemental, self.only, self.max_length)
        return share(every, self.part, self.of)

    def check(self, experiment: "Experiment") -> None:
        """Refuse a split that there is not, unknown names, data that is no images with classes, functions that fail."""
        from modrobust.evaluation.published import places

        dataset = experiment.dataset
        if self.split not in dataset.splits:
            allowed = ", ".join(dataset.splits)
            raise UserError(f"evaluation.split={self.split}: {dataset.name} has the splits {allowed}.")
        asked = set().union(*self.chosen(experiment.corruption))
        few = dataset.splits["train"].take(slice(4), experiment.device)
        experiment.corruption.try_out(few.inputs, "train", few.index, asked)
        for severity in self.severities or ():
            experiment.corruption.at(severity)
        if dataset.corrupted and not len(places(dataset.corrupted, dataset.splits["test"])):
            raise UserError(f"dataset.corrupted={dataset.corrupted.name} holds none of the images that are tested.")

    def draw(self, experiment: "Experiment", folder: Path) -> None:
        """Write training.png, a batch under each corruption, and compositions.png, one test image under all."""
        from modrobust.evaluation.pictures import draw_inputs

        draw_inputs(experiment, self.chosen(experiment.corruption), folder)

    def __call__(self, made: "Made", experiment: "Experiment", output: Output) -> None:
        """See `Evaluation`; the files are told in `results.write`.

        Severities have folders of their own in that of the run, severity3, and those of published images, too,
        CIFAR-10-C/severity3.
        """
        from modrobust.dataset.corrupted import SEVERITIES
        from modrobust.evaluation.examples import write_examples
        from modrobust.evaluation.published import evaluate_published
        from modrobust.evaluation.results import write
        from modrobust.evaluation.testing import evaluate

        if not callable(predict := made.predictor):
            raise UserError("only parts were trained, there is nothing to test: evaluate=false.")
        corruption, dataset = experiment.corruption, experiment.dataset
        if output.examples:
            every = choose(corruption.compositions, corruption.elemental, self.only, self.max_length)
            write_examples(output.examples, dataset, self.split, corruption, every)
        more = self.severities or dataset.corrupted

        def test(corruption: "Corruption", compositions: list[Composition], folder: Path, **columns: object) -> None:
            if more and (folder / "results.csv").exists():
                return  # an earlier attempt has tested this
            results = evaluate(
                predict,
                dataset,
                self.split,
                corruption,
                compositions,
                self.batch_size,
                experiment.device,
                folder,
                False if columns else self.activations,
                output.checkpoint_seconds,
                experiment.training.autocast,
                output.watch,
            )
            write(results, dataset.splits[self.split], folder, {**output.columns, "split": self.split, **columns})

        chosen = self.chosen(corruption)
        test(corruption, chosen, output.folder)
        for severity in self.severities or ():
            composed, folder = [c for c in chosen if c], output.folder / f"severity{severity}"
            test(corruption.at(severity), composed, folder, severity=severity)
        if (published := dataset.corrupted) is None or self.part > 1:
            return
        for severity in self.severities or range(1, SEVERITIES + 1):
            folder = output.folder / published.name / f"severity{severity}"
            if not (folder / "results.csv").exists():
                results, split = evaluate_published(predict, experiment, published, severity, self.batch_size, folder)
                write(results, split, folder, {**output.columns, "split": "test", "severity": severity})

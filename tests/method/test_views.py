"""Training batches: which images, augmented and corrupted how, as a pure function of seed, epoch and step."""

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from modrobust.config.options import CONF
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import Augmentation, ImageDataset, Split
from modrobust.method.views import Batch, Views, augment

NAMES = ("Identity", "Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl")
CROP_AND_FLIP = Augmentation(padding=2, flip=True)


def split(n: int, fill: int | None = None, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(1, 255, (n, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return Split(images if fill is None else torch.full_like(images, fill), torch.arange(n) % 5, 7 * torch.arange(n))


def make(
    seed: int = 0, fill: int | None = None, augmentation: Augmentation | None = None, corruption_seed: int = 0
) -> Views:
    dataset = ImageDataset(
        name="noise",
        splits={"train": split(10, fill), "valid": split(7, fill, 1)},
        num_classes=5,
        image_size=8,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.4),
        augmentation=augmentation or Augmentation(),
    )
    elemental = instantiate(OmegaConf.load(CONF / "corruption/six.yaml").elemental)
    return Views(dataset, Corruption(elemental, corruption_seed), seed, torch.device("cpu"))


def bytes_of(images: Tensor, views: Views) -> Tensor:
    """Normalised images back to uint8, exactly."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (views.dataset.mean, views.dataset.std))
    return (255 * (images * std + mean)).round().to(torch.uint8)


def crops_and_flips(image: Tensor, padding: int) -> list[Tensor]:
    padded = torch.nn.functional.pad(image, (padding,) * 4)
    size, starts = image.shape[-1], range(2 * padding + 1)
    crops = [padded[:, y : y + size, x : x + size] for y in starts for x in starts]
    return crops + [crop.flip(2) for crop in crops]


def rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


# Augmentation


def test_augmented_images_are_crops_and_flips_and_all_of_them_occur() -> None:
    image = split(1).inputs
    seen = rows(augment(image.expand(4000, -1, -1, -1), CROP_AND_FLIP, Draw("crop", torch.arange(4000))))
    assert seen == rows(torch.stack(crops_and_flips(image[0], 2)))


def test_no_augmentation_changes_nothing() -> None:
    images = split(4).inputs
    assert torch.equal(augment(images, Augmentation(), Draw("none", torch.arange(4))), images)
    mirrored = augment(images.repeat(30, 1, 1, 1), Augmentation(flip=True), Draw("flip", torch.arange(120)))
    assert rows(mirrored) == rows(torch.cat([images, images.flip(3)]))
    cropped = augment(images.repeat(200, 1, 1, 1), Augmentation(padding=1), Draw("crop", torch.arange(800)))
    assert not rows(cropped) & rows(images.flip(3))


# Paired views


def test_all_views_of_an_image_have_the_same_crop_and_flip() -> None:
    views = make(augmentation=CROP_AND_FLIP)
    batch = views.paired(5, epoch=3, step=1)
    seen = bytes_of(views.see(batch, NAMES), views).unflatten(0, (7, 5))
    for image, where in zip(batch.images, batch.where.tolist(), strict=True):
        original = views.dataset.splits["train"].inputs[where]
        assert image.numpy().tobytes() in rows(torch.stack(crops_and_flips(original, 2)))
    for name, view in zip(NAMES, seen, strict=True):
        alone = quantize(views.corruption.apply(batch.images, (name,), "train", batch.index, 3))
        assert torch.equal(view, alone)
    assert torch.equal(seen[0], batch.images)
    assert torch.equal(seen[NAMES.index("Invert")], 255 - batch.images)


def test_paired_corruption_changes_the_padding_and_unpaired_does_not() -> None:
    views = make(fill=0, augmentation=CROP_AND_FLIP)
    paired = views.see(views.paired(10, epoch=0, step=0), ("Invert",))
    assert (bytes_of(paired, views) == 255).all()
    unpaired = bytes_of(views.unpaired(("Invert",), 10, epoch=0, step=0)[0], views)
    assert set(unpaired.unique().tolist()) == {0, 255}  # black padding around what the corruption made white
    assert (unpaired[:, :, 2:-2, 2:-2] == 255).all()


def test_paired_noise_is_new_in_every_epoch_and_fixed_in_validation() -> None:
    views = make()
    first, second = (views.paired(10, epoch, 0) for epoch in (0, 1))
    by_image = [batch.where.argsort() for batch in (first, second)]
    assert torch.equal(first.images[by_image[0]], second.images[by_image[1]])  # no augmentation
    noise = [views.see(b, ("ImpulseNoise",))[o] for b, o in zip((first, second), by_image, strict=True)]
    assert all((a != b).any() for a, b in zip(*noise, strict=True))
    (valid,) = views.validation(7)
    again = views.see(next(make(seed=5).validation(7)), ("ImpulseNoise",))
    assert torch.equal(views.see(valid, ("ImpulseNoise",)), again)  # whatever the run's seed
    tested = quantize(views.corruption.apply(valid.images, ("ImpulseNoise",), "valid", valid.index))
    assert torch.equal(again, normalise(tested, views.dataset))  # as evaluation.split=valid sees it
    other = make(corruption_seed=1)
    assert not torch.equal(other.see(valid, ("ImpulseNoise",)), again)


def test_augmentation_is_new_in_every_epoch_and_depends_on_the_seed() -> None:
    def crops(seed: int, epoch: int) -> Tensor:
        batch = make(seed, augmentation=CROP_AND_FLIP).paired(10, epoch, 0)
        return batch.images[batch.where.argsort()]

    assert torch.equal(crops(0, 0), crops(0, 0))
    assert not torch.equal(crops(0, 0), crops(0, 1))
    assert not torch.equal(crops(0, 0), crops(1, 0))


def test_an_epoch_of_pairs_has_every_image_at_most_once() -> None:
    views = make()
    steps = [views.paired(3, epoch=2, step=step) for step in range(3)]
    where = torch.cat([batch.where for batch in steps])
    assert len(where.unique()) == len(where) == 9
    train = views.dataset.splits["train"]
    for batch in steps:
        assert torch.equal(batch.images, train.inputs[batch.where])
        assert torch.equal(batch.targets, train.targets[batch.where])
        assert torch.equal(batch.index, 7 * batch.where)
        assert (batch.split, batch.epoch) == ("train", 2)


# Unpaired sets


def epoch_of(views: Views, epoch: int, batch_size: int) -> tuple[Tensor, Tensor]:
    steps = 70 // batch_size
    batches = [views.unpaired(NAMES, batch_size, epoch, step) for step in range(steps)]
    assert all(len(images) == len(classes) == batch_size for images, classes in batches)
    return torch.cat([images for images, _ in batches]), torch.cat([classes for _, classes in batches])


def elemental_sets(views: Views) -> dict[bytes, tuple[str, int]]:
    """Every training image under every corruption as if read from a file: which corruption, which class."""
    train, found = views.dataset.splits["train"], {}
    for name in NAMES:
        seen = normalise(quantize(views.corruption.apply(train.inputs, (name,), "train", train.index)), views.dataset)
        found |= {image.numpy().tobytes(): (name, int(y)) for image, y in zip(seen, train.targets, strict=True)}
    assert len(found) == 70
    return found


def test_every_image_comes_once_under_every_corruption_with_fixed_noise_and_its_class() -> None:
    views = make()
    expected = {image: target for image, (_, target) in elemental_sets(views).items()}
    for epoch in (0, 1):
        images, classes = epoch_of(views, epoch, batch_size=10)
        found = {image.numpy().tobytes(): int(y) for image, y in zip(images, classes, strict=True)}
        assert found == expected


def test_the_incomplete_last_batch_is_left_out() -> None:
    views = make()
    images, _ = epoch_of(views, 0, batch_size=16)
    assert len(images) == 64 and len(rows(images)) == 64
    assert rows(images) < set(elemental_sets(views))


def test_elemental_sets_are_shuffled_together_anew_in_every_epoch() -> None:
    views = make()
    sets = elemental_sets(views)
    batches = [rows(views.unpaired(NAMES, 20, epoch, 0)[0]) for epoch in range(3)]
    assert len(set(map(frozenset, batches))) == 3
    for batch in batches:
        assert len({sets[image][0] for image in batch}) > 3  # of seven corruptions


def test_unpaired_crop_and_flip_differ_between_epochs_and_corruptions() -> None:
    views = make(fill=255, augmentation=CROP_AND_FLIP)

    def black(name: str, epoch: int) -> Tensor:
        images, _ = views.unpaired((name,), 10, epoch, 0)
        order = views.paired(10, epoch, 0).where.argsort()  # the same order: as many images
        return bytes_of(images, views)[order] == 0

    assert black("Identity", 0).any()
    assert not torch.equal(black("Identity", 0), black("Identity", 1))
    assert not torch.equal(black("Identity", 0), black("Rotate90", 0))


# Validation


def test_validation_has_all_images_in_order_without_augmentation() -> None:
    views = make(augmentation=CROP_AND_FLIP)
    batches = list(views.validation(3))
    assert [len(batch.targets) for batch in batches] == [3, 3, 1]
    valid = views.dataset.splits["valid"]
    for name in ("images", "targets", "index"):
        whole = torch.cat([getattr(batch, name) for batch in batches])
        assert torch.equal(whole, getattr(valid, {"images": "inputs"}.get(name, name)))
    assert all(batch.split == "valid" and batch.epoch is None for batch in batches)


# Purity


def test_batches_follow_from_seed_epoch_and_step_alone() -> None:
    def of(views: Views, epoch: int, step: int) -> list[Tensor]:
        batch = views.paired(3, epoch, step)
        return [batch.where, views.see(batch, NAMES), *views.unpaired(NAMES, 16, epoch, step)]

    views = make(seed=4, augmentation=CROP_AND_FLIP)
    visits = [(epoch, step) for epoch in range(2) for step in range(3)]
    in_order = {visit: of(views, *visit) for visit in visits}
    torch.manual_seed(99)
    for visit in reversed(visits):
        torch.rand(3)
        for found in (of(views, *visit), of(make(seed=4, augmentation=CROP_AND_FLIP), *visit)):
            assert all(map(torch.equal, found, in_order[visit]))


def test_order_differs_between_seeds_and_epochs() -> None:
    orders = {tuple(make(seed).paired(10, epoch, 0).where.tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_views_are_normalised_floats_of_three_channels() -> None:
    views = make()
    batch = views.paired(4, 0, 0)
    seen = views.see(batch, ("Identity",))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)))
    torch.testing.assert_close(seen, (batch.images / 255 - mean) / std)
    grey = Batch(batch.images[:, :1], batch.targets, batch.index, batch.where, "train", 0)
    assert views.see(grey, ("Identity", "ImpulseNoise")).shape == (8, 3, 8, 8)
    noisy = bytes_of(views.see(grey, ("ImpulseNoise",)), views)
    assert torch.equal(noisy[:, 0], noisy[:, 1])  # one channel corrupted, then repeated

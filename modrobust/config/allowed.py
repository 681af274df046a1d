"""What every key of the YAML files needs, in one place: those of conf/config.yaml, and those of what is built.

The keys of an object are listed at its `_target_`, whichever option of whichever group brings it. Keys of targets that
are not listed, a user's own, are compared with the kind of value their YAML file has (see `keys.check_kinds`).
"""

from collections.abc import Mapping

from modrobust.config.need import (
    Need,
    above,
    anything,
    choice,
    finite,
    flag,
    many,
    matching,
    name,
    number,
    optional,
    size,
    text,
    whole,
)
from modrobust.corruption.common import PUBLISHED
from modrobust.corruption.composition import IDENTITY, is_name

Needs = Mapping[str, Need]

DEVICE = matching(r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda or cuda:<number> (not mps, which has no float64)")
NAMES = Need(
    "a list of corruptions, such as [Contrast,Swirl] (letters, digits and _; - joins names to compositions),",
    lambda x: isinstance(x, list) and all(n == IDENTITY or (isinstance(n, str) and is_name(n)) for n in x),
)
SEEDS = Need(
    "a whole number of at least 0, or a list of different ones, such as [1,2,3],",
    lambda x: whole(0).fits(x) or (many(whole(0)).fits(x) and len(set(x)) == len(x)),
)
COMPOSITIONS = optional(Need("a list of compositions, such as [Identity,Contrast-Swirl]", many(text).fits))


def _or_auto(need: Need) -> Need:
    return Need(f"auto or {need.words}", lambda x: x == "auto" or need.fits(x), choices=("auto",))


OF_CONFIG: Needs = {
    "seed": whole(0),
    "replicas": whole(1),
    "device": DEVICE,
    "threads": whole(1, 1024),
    "training.epochs": whole(1),
    "training.batch_size": whole(1),
    "evaluate": flag,
    "evaluations": Need("a list", lambda x: isinstance(x, list)),
    "vis": flag,
    "profile": flag,
    "precision": choice("auto", "float32", "tf32", "bfloat16"),
    "compile": flag,
    "channels_last": _or_auto(flag),
    "cache_gb": _or_auto(number(0)),
    "checkpoint_seconds": number(0),
    "keep": choice("all", "results"),
    "paths.data": text,
    "paths.outputs": text,
    "search.kind": choice("grid", "tpe"),
    "search.seed": SEEDS,
    "search.trials": whole(1),
    "search.workers": whole(1),
    "search.worker": optional(whole(0)),
    "search.step": optional(text),
    "search.folder": optional(text),
    "search.steps": anything,  # see search.steps
    "search.warm_start": flag,
    "search.pruner": optional(
        Need("one of Optuna's pruners, chosen by search/pruner=median,", lambda x: isinstance(x, dict), node=True)
    ),
    "search": optional(Need("the choice of a search, such as search=grid,", lambda x: isinstance(x, dict), node=True)),
}

_IMAGES: Needs = {
    "num_classes": whole(2),
    "image_size": size(2),
    "mean": many(finite, length=3),
    "std": many(above(0), length=3),
    "augmentation": optional(Need("keys of an augmentation", lambda x: isinstance(x, dict), node=True)),
    "n_train": optional(whole(1)),
    "n_valid": optional(whole(1)),
    "n_test": optional(whole(1)),
    "subset_seed": whole(0),
}
_FOUND: Needs = {  # of images whose facts are found in them
    **_IMAGES,
    "num_classes": optional(whole(2)),
    "image_size": optional(size(2)),
    "grey": flag,
    "background": many(whole(0, 255), length=3),
    "valid_fraction": above(0, 1),
    "test_fraction": above(0, 1),
    "split_seed": whole(0),
    "mean": optional(many(finite, length=3)),
    "std": optional(many(above(0), length=3)),
    "content": anything,
}
_SPLITS: Needs = {"train_fraction": above(0, 1), "split_seed": optional(whole(0))}
_CLASSIFIER: Needs = {"num_classes": optional(whole(2)), "image_size": optional(size(2))}  # null: what the data has
_WORDS = ("last", "penultimate", "auto")
_LEVELS = Need(
    "a level's number, last, penultimate or auto, or a level for each corruption,",
    lambda x: all(whole(0).fits(level) or level in _WORDS for level in (x.values() if isinstance(x, dict) else [x])),
    choices=_WORDS,
)
_ROUTING: Needs = {
    "routing": choice("told", "inferred"),
    "router.lr": number(0),
    "router.lengths": many(whole(0)),
}
_GROUPS = ("dense", "modules", "inputs", "locations")
_MODULAR: Needs = {
    "num_modules": optional(many(whole(1))),
    "hidden": many(whole(1), empty=True),
    "top_k": whole(1),
    "known_inputs": flag,
    "known_outputs": optional(flag),
    "outputs_from": choice("last", "all"),
    "image_module": choice("cnn", "mlp"),
    "image_hidden": many(whole(1), empty=True),
    "image_channels": many(whole(1)),
    "image_outputs": whole(1),
}
_LIBRARY: Needs = {
    **_CLASSIFIER,
    "arch": name,
    "weights": optional(text),
    "stem": choice("original", "small"),
    "levels": optional(many(Need("a level's name or number", lambda x: whole(0).fits(x) or name.fits(x)))),
    "options": optional(Need("arguments such as {dropout:0.2}", lambda x: isinstance(x, dict))),
}
_PRUNER: Needs = {
    "n_startup_trials": whole(0),
    "n_warmup_steps": whole(0),
    "interval_steps": whole(1),
    "n_min_trials": whole(1),
}
_SEVERITY: Needs = {"severity": whole(1, 5)}
_COMMON: Needs = {**_SEVERITY, "table": optional(Need("32 or 224", lambda x: x in (32, 224) and x is not True))}

OF_TARGET: Mapping[str, Needs] = {
    # datasets
    "modrobust.dataset.digits.digits": _IMAGES,
    "modrobust.dataset.idx.idx_images": {
        **_IMAGES,
        "source": text,
        "variant": text,
        "transposed": flag,
        "valid_one_in": whole(2),
        "published_split": flag,
    },
    "modrobust.dataset.cifar.cifar10": {
        **_IMAGES,
        "valid_one_in": whole(2),
        "published_split": flag,
        "corrupted": optional(text),
    },
    "modrobust.dataset.facescrub.facescrub": {**_IMAGES, "n_images": optional(whole(1))},
    "modrobust.dataset.image_folder.image_folder": {
        **_FOUND,
        "folder": text,
    },
    "modrobust.dataset.torchvision.torchvision_images": {
        **_FOUND,
        "source": text,
        "options": optional(Need("arguments such as {split: balanced}", lambda x: isinstance(x, dict))),
    },
    "modrobust.dataset.huggingface.huggingface": {
        **_FOUND,
        "path": text,
        **dict.fromkeys(("config", "image_column", "label_column"), optional(text)),
    },
    "modrobust.dataset.splits.Augmentation": {"padding": whole(0), "flip": flag},
    "modrobust.dataset.boolean.boolean": {
        **_SPLITS,
        "graph": anything,
        "gates": optional(
            Need("a list of layers such as [[xor 0 1,xor 2 3],[and 0 1]]", lambda x: isinstance(x, list))
        ),
        "inputs": whole(1, 16),
        "tasks": optional(whole(1)),
    },
    "modrobust.dataset.pairs.digit_pairs": {
        **_SPLITS,
        "source": choice("digits", "MNIST"),
        "digits": whole(2, 8),
        "image_size": whole(2),
        "train_per_pair": whole(1),
        "valid_per_pair": whole(1),
        "test_per_pair": whole(1),
        "mean": finite,
        "std": above(0),
    },
    # corruptions
    "modrobust.corruption.corruption.Corruption": {
        "seed": whole(0),
        "names": NAMES,
        "input_noise": number(0),
        **_COMMON,
    },
    "modrobust.corruption.composition.subset": {
        "names": NAMES,
        "seed": whole(0),
        "target": whole(0),
        "max_length": whole(0),
    },
    "modrobust.corruption.composition.sample": {
        "names": NAMES,
        "seed": whole(0),
        "target": whole(0),
        "max_length": whole(0),
    },
    "modrobust.corruption.contrast.contrast": _SEVERITY,
    "modrobust.corruption.gaussian_blur.gaussian_blur": _SEVERITY,
    "modrobust.corruption.impulse_noise.impulse_noise": _SEVERITY,
    "modrobust.corruption.swirl.swirl": _SEVERITY,
    **{f"modrobust.corruption.common.{name}.{name}": _COMMON for name in PUBLISHED.values()},
    # networks
    "modrobust.model.five_by_five.five_by_five": {
        **_CLASSIFIER,
        "widths": many(whole(1)),
        "hidden": whole(1),
        "dropout": many(number(0, 1)),
        "hidden_dropout": number(0, 1),
        "module_dropout": many(number(0, 1)),
    },
    "modrobust.model.resnet18.resnet18": _CLASSIFIER,
    "modrobust.model.inception_v3.inception_v3": {**_CLASSIFIER, "image_size": optional(size(75))},
    "modrobust.model.library.torchvision": _LIBRARY,
    "modrobust.model.library.timm": _LIBRARY,
    "modrobust.model.dense.Mlp": {
        "hidden": optional(many(whole(1), empty=True)),
        "pruning": number(0, 100),
        "task_input": choice("one_hot", "number"),
    },
    "modrobust.model.dense.Cnn": {
        "channels": many(whole(1)),
        "hidden": many(whole(1), empty=True),
    },
    "modrobust.model.modular.Modular": _MODULAR,
    "modrobust.model.modular.SharedModular": {
        **_MODULAR,
        "num_shared_modules": optional(whole(1)),
        "num_shared_image_modules": optional(whole(1)),
        "known_locations": flag,
    },
    # methods
    "modrobust.method.cross_entropy.CrossEntropy": {"lr": number(0), "pairing": flag},
    "modrobust.method.contrastive.Contrastive": {
        "lr": number(0),
        "weight": number(0),
        "temperature": above(0),
        "level": _LEVELS,
        "repeats": whole(1),
    },
    "modrobust.method.modules.Modules": {
        "lr": number(0),
        "backbone_lr": number(0),
        "weight": number(0),
        "temperature": above(0),
        "level": _LEVELS,
        "pass_through": flag,
        "search_epochs": whole(1),
        **_ROUTING,
    },
    "modrobust.method.img_space.ImgSpace": {
        "lr": number(0),
        "autoencoder_lr": number(0),
        "classifiers": flag,
        **_ROUTING,
    },
    "modrobust.method.pairs.Pairs": {"lr": number(0), "lengths": many(whole(0))},
    "modrobust.method.augmix.AugMix": {
        "lr": number(0),
        "elemental": flag,
        "weight": number(0),
        "severity": whole(1, 10),
        "width": whole(1),
        "all_ops": flag,
    },
    "modrobust.method.bn_adapt.BatchNormAdaptation": {
        "lr": number(0),
        "prior": number(0),
        "batch_size": whole(1),
    },
    "modrobust.method.tent.Tent": {
        "lr": number(0),
        "steps": whole(1),
        "adaptation_lr": number(0),
        "batch_size": whole(1),
    },
    "modrobust.method.supervised.Supervised": {
        "loss": choice("bce", "mse", "cross_entropy"),
        **{f"{key}.{group}": number(0) for key in ("lr", "weight_decay") for group in _GROUPS},
        "tau": above(0),
        "gumbel": flag,
        "per_sample_routing": flag,
        "restarts": whole(1),
        "routing_every": optional(whole(1)),
        "routing_until": number(0, 1),
    },
    # how they are trained
    "torch.optim.SGD": {"momentum": number(0), "nesterov": flag, "weight_decay": number(0)},
    "torch.optim.RMSprop": {"weight_decay": number(0)},
    "torch.optim.Adam": {"weight_decay": number(0)},
    "torch.optim.lr_scheduler.CosineAnnealingLR": {"T_max": whole(1)},
    "torch.optim.lr_scheduler.ExponentialLR": {"gamma": above(0)},
    # how they are tested
    "modrobust.evaluation.compositions.Compositions": {
        "split": text,
        "compositions": COMPOSITIONS,
        "max_length": optional(whole(0)),
        "severities": optional(many(whole(1, 5))),
        "batch_size": _or_auto(whole(1)),
        "shard": text,  # see selection.parse_shard
        "activations": Need("true, false or raw", lambda x: flag.fits(x) or x == "raw"),
    },
    "modrobust.evaluation.bits.Bits": {"split": text},
    # pruners of a search
    "optuna.pruners.MedianPruner": _PRUNER,
    "optuna.pruners.PercentilePruner": {"percentile": number(0, 100), **_PRUNER},
    "optuna.pruners.SuccessiveHalvingPruner": {
        "min_resource": whole(1),
        "reduction_factor": whole(2),
        "min_early_stopping_rate": whole(0),
    },
    # trackers
    "modrobust.logger.wandb.WandB": {
        "project": text,
        "entity": optional(text),
        "mode": optional(choice("online", "offline", "disabled")),
    },
    # tasks
    "modrobust.task.statistics.Statistics": {"split": text},
    "modrobust.task.levels.Levels": {},
    "modrobust.task.export_images.ExportImages": {
        "folder": text,
        "compositions": COMPOSITIONS,
        "processes": optional(whole(1)),
    },
    "modrobust.task.deephys.Deephys": {"corruptions": optional(NAMES), "split": text, "batch_size": _or_auto(whole(1))},
    "modrobust.task.import_checkpoints.ImportCheckpoints": {"folder": text},
    "modrobust.task.export_model.ExportModel": {"composition": text, "variant": optional(text)},
    # launchers
    "hydra_plugins.modrobust_launcher.launcher.LocalLauncher": {
        "processes": optional(whole(1)),
        "gpus": optional(whole(0)),
        "runs_per_gpu": whole(1),
        "split": optional(choice("parts")),
        "notify": optional(text),
    },
    "hydra_plugins.modrobust_launcher.launcher.SlurmLauncher": {
        "submitit_folder": text,
        "name": text,
        "timeout_min": whole(1),
        "signal_delay_s": whole(0),
        "max_num_timeout": whole(0),
        "cpus_per_task": optional(whole(1)),
        "gpus_per_node": optional(whole(0)),
        "mem_gb": optional(above(0)),
        "nodes": whole(1),
        "tasks_per_node": whole(1),
        **dict.fromkeys(("partition", "account", "qos", "constraint", "exclude", "python"), optional(text)),
        "array_parallelism": whole(1),
        "setup": optional(Need("a list of shell lines, such as [module load cuda]", many(text).fits)),
        "additional_parameters": Need("options such as {mail-type: END}", lambda x: isinstance(x, dict)),
        "stderr_to_stdout": flag,
        "runs_per_job": whole(1),
        "processes": optional(whole(1)),
        "runs_per_gpu": whole(1),
        "split": optional(choice("parts")),
        "notify": optional(text),
        "wait": flag,
    },
}

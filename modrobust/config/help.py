"""What `modrobust --help` prints: the groups with their options, and examples."""

from modrobust.config.options import options

GROUPS = {
    "dataset": "what is learnt",
    "corruption": "elemental corruptions and the compositions tested",
    "method": "how it is learnt",
    "evaluation": "how it is tested; a dataset brings its own",
    "model": "the network; a dataset brings its own",
    "task": "something else than to train and test",
    "experiment": "a study: its settings, and with -m its runs",
    "logger": "a tracker that is fed the metrics, too",
    "search": "with -m: a hyper-parameter search in place of a sweep",
}

EXAMPLES = """\
  modrobust                                                  train and test on the bundled digits
  modrobust dataset=mnist dataset.n_train=4000 seed=1        the real MNIST, a part of it
  modrobust corruption.elemental.Contrast.severity=4         another severity
  modrobust evaluation.split=valid evaluation.max_length=2   test other images on shorter compositions
  modrobust dataset=boolean model=modular replicas=100       modular structure, a hundred seeds as one batch
  modrobust task=export_images                               corrupted images as PNG files
  modrobust -m experiment=digits hydra/launcher=local        all methods on the digits, several runs at once
  modrobust -m experiment=digits hydra/launcher=slurm        the same on a cluster
  modrobust -m search=grid method=modules                    learning rates and weights, by validation"""


def text() -> str:
    """The help; options are those of the package and of the user's ./conf."""
    groups = [f"  {name + '=':<12} {meaning}\n{'':<15}{', '.join(options(name))}" for name, meaning in GROUPS.items()]
    return f"""\
modrobust: compositional robustness (train on single image corruptions, test on compositions) and modular structure.

Usage: modrobust [group=option | key=value]...        -m for sweeps over comma-separated values
{"":<46}--dry-run tells what a sweep would do and take

Groups and their options
{chr(10).join(groups)}

Examples
{EXAMPLES}

All keys with their values: modrobust --cfg job. Where they come from: modrobust --info.
Tab completion: eval "$(modrobust -sc install=bash)". Hydra's own flags: modrobust --hydra-help."""

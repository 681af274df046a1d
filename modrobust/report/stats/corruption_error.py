"""Mean corruption error against a reference network (Hendrycks & Dietterich 2019, section 4)."""

import pandas as pd

from modrobust.evaluation.corruption_error import of_single
from modrobust.report.read.lines import TABLE

OF_SEED = [*TABLE, "images", "line", "seed"]


def against_reference(
    severities: pd.DataFrame, clean: pd.DataFrame, reference: pd.DataFrame, clean_error: float | None
) -> pd.DataFrame:
    """CE and relative CE, means over the corruptions that a network and the reference share.

    CE is a network's error of a corruption over the reference's, in percent; the relative one is that of what the
    corruption adds to the error without one.

    Args:
        severities: rows with severity and images (see `read.severities`), of the same severities as the reference's.
        clean: rows of results, of which Identity's are used.
        reference: the rows with severities of the reference.
        clean_error: the reference's error (percent) without corruption; None where that is not known.

    Returns:
        A row for each network and kind of images: columns OF_SEED, mCE, relative mCE (percent; NaN where it is not
        known), corruptions (how many are shared).
    """
    same = severities["severity"].isin(reference["severity"].unique())
    of_reference = of_single(reference, ["images"]).groupby(["images", "composition"], observed=True)["error"].mean()
    errors = of_single(severities[same], OF_SEED)
    known = of_reference.rename("of_reference").reset_index()
    errors = errors.merge(known, on=["images", "composition"])
    identity = clean[clean["composition"] == "Identity"]
    without = (100 - identity.groupby([*TABLE, "line", "seed"], observed=True)["accuracy"].mean()).rename("clean")
    errors = errors.merge(without.reset_index(), on=[*TABLE, "line", "seed"], how="left")
    reference_adds = errors["of_reference"] - (float("nan") if clean_error is None else clean_error)
    reference_adds = reference_adds.where(reference_adds > 0)
    errors["mCE"] = 100 * errors["error"] / errors["of_reference"]
    errors["relative mCE"] = 100 * (errors["error"] - errors["clean"]) / reference_adds
    by_seed = errors.groupby(OF_SEED, observed=True)
    return by_seed[["mCE", "relative mCE"]].mean().assign(corruptions=by_seed.size()).reset_index()

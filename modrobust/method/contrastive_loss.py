"""The contrastive loss that pulls the views of an image together and pushes other images away."""

import torch
from torch import Tensor
from torch.nn import functional


def contrastive_loss(features: Tensor, views: int, temperature: float = 0.15) -> Tensor:
    """Sum over a row's positives of -log(exp(positive) / (exp(positive) + sum of exp(negatives))), mean over rows.

    A row's positives are the other views of its image, its negatives all rows of other images; similarity is
    the cosine over the temperature. Computed in float32 whatever comes in (arXiv 2306.09005).

    Args:
        features: (views * B, ...), rows ordered view by view; flattened here.
        views: views of each image.
        temperature: above 0.

    Returns:
        A scalar; 0 where there is one view or one image.
    """
    rows = len(features)
    images = rows // views
    unit = functional.normalize(features.flatten(1).float(), dim=1)
    if views == 1 or images == 1:
        return unit.sum() * 0
    with torch.autocast(features.device.type, enabled=False):
        similarity = unit @ unit.T / temperature
    image = torch.arange(rows, device=features.device) % images
    negatives = similarity.masked_fill(image[:, None] == image, -torch.inf).logsumexp(1, keepdim=True)
    return functional.softplus(_positives(negatives - similarity, views)).sum() / rows


def _positives(pairs: Tensor, views: int) -> Tensor:
    """Of values (rows, rows) those of two views of one image, (rows * (views - 1),), row by row.

    Slices, not a mask: on a GPU a mask would have to be counted first, while the processor waits.
    """
    of_one_image = pairs.view(views, -1, views, len(pairs) // views).diagonal(dim1=1, dim2=3)  # (views, views, images)
    by_image = of_one_image.permute(2, 0, 1).flatten(1)  # the diagonal of (views, views) is every views + 1 places
    off_diagonal = by_image[:, 1:].unflatten(1, (views - 1, views + 1))[:, :, :-1].reshape(-1, views, views - 1)
    return off_diagonal.transpose(0, 1).flatten()

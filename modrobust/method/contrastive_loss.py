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
    same = image[:, None] == image
    negatives = similarity.masked_fill(same, -torch.inf).logsumexp(1, keepdim=True)
    positive = same ^ torch.eye(rows, dtype=torch.bool, device=features.device)
    return functional.softplus((negatives - similarity)[positive]).sum() / rows

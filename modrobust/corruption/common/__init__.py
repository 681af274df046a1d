"""The nineteen common corruptions of Hendrycks & Dietterich (ICLR 2019, arXiv 1903.12261), one file each.

There are two published severity tables: 224 (ImageNet-C) and 32 (CIFAR-10-C, much milder). `table` chooses; None takes
the one whose size is nearer to the image's shorter side, by ratio (32 up to 84 pixels, else 224). Lengths of it
(standard deviations, radii, offsets, flakes of snow) are multiplied by shorter side / table's size: at 32 and 224 they
are the published ones. Shares, contrasts, qualities and zoom factors stay as they are.

All are functions of (images, draw, severity, table), float32 (B, C, H, W) in 0..255 to the same, H and W from 8, on any
device. An image's result has the same bits whatever the batch: sums are exact, or made image by image in the same
order. Grey images (C = 1) are corrupted as each channel of a colour image would be, except where a file says otherwise.
"""

PUBLISHED = {
    "GaussianNoise": "gaussian_noise",
    "ShotNoise": "shot_noise",
    "CommonImpulseNoise": "impulse_noise",
    "DefocusBlur": "defocus_blur",
    "GlassBlur": "glass_blur",
    "MotionBlur": "motion_blur",
    "ZoomBlur": "zoom_blur",
    "Snow": "snow",
    "Frost": "frost",
    "Fog": "fog",
    "Brightness": "brightness",
    "CommonContrast": "contrast",
    "ElasticTransform": "elastic_transform",
    "Pixelate": "pixelate",
    "JpegCompression": "jpeg_compression",
    "SpeckleNoise": "speckle_noise",
    "CommonGaussianBlur": "gaussian_blur",
    "Spatter": "spatter",
    "Saturate": "saturate",
}
"""Name -> published name (of the function, too), in the published order; the last four are extra ones.

Contrast, GaussianBlur and ImpulseNoise are names of the six, which always have the table of 224: the names of these
three common ones begin with Common, so that sets can be composed.
"""
EXTRA = tuple(PUBLISHED)[15:]
"""Those that do not count in the published measures."""

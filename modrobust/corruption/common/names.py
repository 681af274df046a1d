"""The nineteen by name, in the published order: fifteen, then the four extra ones.

Contrast, GaussianBlur and ImpulseNoise are names of the six, which always have the table of 224: the names of these
three common ones begin with Common, so that sets can be composed.
"""

from modrobust.corruption.common.brightness import brightness
from modrobust.corruption.common.contrast import contrast
from modrobust.corruption.common.defocus_blur import defocus_blur
from modrobust.corruption.common.elastic_transform import elastic_transform
from modrobust.corruption.common.fog import fog
from modrobust.corruption.common.frost import frost
from modrobust.corruption.common.gaussian_blur import gaussian_blur
from modrobust.corruption.common.gaussian_noise import gaussian_noise
from modrobust.corruption.common.glass_blur import glass_blur
from modrobust.corruption.common.impulse_noise import impulse_noise
from modrobust.corruption.common.jpeg_compression import jpeg_compression
from modrobust.corruption.common.motion_blur import motion_blur
from modrobust.corruption.common.parts import Common
from modrobust.corruption.common.pixelate import pixelate
from modrobust.corruption.common.saturate import saturate
from modrobust.corruption.common.shot_noise import shot_noise
from modrobust.corruption.common.snow import snow
from modrobust.corruption.common.spatter import spatter
from modrobust.corruption.common.speckle_noise import speckle_noise
from modrobust.corruption.common.zoom_blur import zoom_blur

COMMON: dict[str, Common] = {
    "GaussianNoise": gaussian_noise,
    "ShotNoise": shot_noise,
    "CommonImpulseNoise": impulse_noise,
    "DefocusBlur": defocus_blur,
    "GlassBlur": glass_blur,
    "MotionBlur": motion_blur,
    "ZoomBlur": zoom_blur,
    "Snow": snow,
    "Frost": frost,
    "Fog": fog,
    "Brightness": brightness,
    "CommonContrast": contrast,
    "ElasticTransform": elastic_transform,
    "Pixelate": pixelate,
    "JpegCompression": jpeg_compression,
    "SpeckleNoise": speckle_noise,
    "CommonGaussianBlur": gaussian_blur,
    "Spatter": spatter,
    "Saturate": saturate,
}

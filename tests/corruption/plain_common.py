"""The nineteen common corruptions one image at a time, by numpy, scipy, scikit-image, opencv and Pillow.

Each is a function of (image uint8 (H, W, 3), parameters of the severity, numpy generator) to floats in 0..255; what the
published scripts do, to compare with and to measure against. Motion is by shifted copies, as `imagecorruptions` has it.
"""

from io import BytesIO
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.ndimage import zoom as scipy_zoom
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian
from skimage.util import random_noise


def blurred(x, sigma):
    return gaussian(x, sigma=sigma, channel_axis=-1)


def gaussian_noise(image, scale, rng):
    x = image / 255
    return np.clip(x + rng.normal(size=x.shape, scale=scale), 0, 1) * 255


def shot_noise(image, photons, rng):
    return np.clip(rng.poisson(image / 255 * photons) / photons, 0, 1) * 255


def impulse_noise(image, amount, rng):
    return np.clip(random_noise(image / 255, mode="s&p", amount=amount, rng=rng), 0, 1) * 255


def speckle_noise(image, scale, rng):
    x = image / 255
    return np.clip(x + x * rng.normal(size=x.shape, scale=scale), 0, 1) * 255


def gaussian_blur(image, sigma, rng):
    return np.clip(blurred(image / 255, sigma), 0, 1) * 255


def defocus_blur(image, row, rng):
    radius, smooth = row
    half, window = (8, (3, 3)) if radius <= 8 else (radius, (5, 5))
    x, y = np.meshgrid(*[np.arange(-half, half + 1)] * 2)
    disk = np.array(x**2 + y**2 <= radius**2, dtype=np.float32)
    disk = cv2.GaussianBlur(disk / disk.sum(), window, sigmaX=smooth)
    x = image / 255
    return np.clip(np.stack([cv2.filter2D(x[..., i], -1, disk) for i in range(3)], -1), 0, 1) * 255


def glass_blur(image, row, rng):
    sigma, offset, sweeps = row
    x = np.uint8(blurred(image / 255, sigma) * 255)
    height, width = x.shape[:2]
    for _ in range(sweeps):
        for i in range(height - offset, offset, -1):
            for j in range(width - offset, offset, -1):
                right, down = rng.integers(-offset, offset, size=2)
                x[i, j] = x[i + down, j + right]
    return np.clip(blurred(x / 255, sigma), 0, 1) * 255


def shifted(x, right, down):
    """x at (row + down, column + right), the edge going on."""
    moved = np.roll(x, (-down, -right), (0, 1))
    for axis, by in ((0, down), (1, right)):
        lines, from_ = np.moveaxis(moved, axis, 0), np.moveaxis(x, axis, 0)
        if by and abs(by) < len(lines):
            where, edge = (slice(-by, None), -by - 1) if by > 0 else (slice(None, -by), -by)
            lines[where] = lines[edge]
        elif by:
            lines[:] = from_[-1 if by > 0 else 0]
    return moved


def along_line(x, radius, sigma, angle):
    taps = np.arange(2 * ceil(radius) + 1)
    weights = np.exp(-(taps**2) / (2 * sigma**2))
    weights /= weights.sum()
    total = np.zeros_like(x, dtype=np.float32)
    for i, weight in enumerate(weights):
        total += weight * shifted(x, ceil(i * cos(radians(angle)) - 0.5), ceil(i * sin(radians(angle)) - 0.5))
    return total


def motion_blur(image, row, rng):
    radius, sigma = row
    return np.clip(along_line(np.array(image), radius, sigma, rng.uniform(-45, 45)), 0, 255)


def zoomed(x, factor):
    height, width = x.shape[:2]
    kept = ceil(height / factor), ceil(width / factor)
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    large = scipy_zoom(x[top : top + kept[0], left : left + kept[1]], (factor, factor, 1), order=1)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def zoom_blur(image, row, rng):
    x = (image / 255).astype(np.float32)
    factors = np.arange(1, *row)
    total = x.copy()
    for factor in factors:
        total += zoomed(x, factor)
    return np.clip(total / (len(factors) + 1), 0, 1) * 255


def plasma(size, decay, rng):
    plane, step, root = np.zeros((size, size)), size, 100

    def noisy(total):
        return total / 4 + root * rng.uniform(-root, root, total.shape)

    while step >= 2:
        half = step // 2
        corner = plane[::step, ::step]
        squares = corner + np.roll(corner, -1, 0)
        plane[half::step, half::step] = noisy(squares + np.roll(squares, -1, 1))
        centre = plane[half::step, half::step]
        plane[::step, half::step] = noisy(centre + np.roll(centre, 1, 0) + corner + np.roll(corner, -1, 1))
        plane[half::step, ::step] = noisy(centre + np.roll(centre, 1, 1) + corner + np.roll(corner, -1, 0))
        step, root = half, root / decay
    plane -= plane.min()
    return plane / plane.max()


def fog(image, row, rng):
    amount, decay = row
    x = image / 255
    height, width = x.shape[:2]
    mist = plasma(2 ** (max(height, width) - 1).bit_length(), decay, rng)[:height, :width, None]
    return np.clip((x + amount * mist) * x.max() / (x.max() + amount), 0, 1) * 255


def frost(image, row, rng):
    """With a made-up photograph, as large as the published ones, that is decoded and shrunk for every image."""
    share, ice, every = row
    photograph = cv2.imdecode(PHOTOGRAPH, cv2.IMREAD_COLOR)
    if every > 1:
        photograph = cv2.resize(photograph, (0, 0), fx=1 / every, fy=1 / every)
    top, left = (rng.integers(0, n - m) for n, m in zip(photograph.shape[:2], image.shape[:2], strict=True))
    crop = photograph[top : top + image.shape[0], left : left + image.shape[1], ::-1]
    return np.clip(share * image + ice * crop, 0, 255)


PHOTOGRAPH = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype=np.uint8))[1]


def snow(image, row, rng):
    loc, scale, factor, threshold, radius, sigma, kept = row
    x = (image / 255).astype(np.float32)
    layer = zoomed(rng.normal(size=(*x.shape[:2], 1), loc=loc, scale=scale), factor)
    layer[layer < threshold] = 0
    layer = np.uint8(np.clip(layer[..., 0], 0, 1) * 255)
    layer = np.round(along_line(layer, radius, sigma, rng.uniform(-135, -45)))[..., None] / 255
    grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None]
    x = kept * x + (1 - kept) * np.maximum(x, grey * 1.5 + 0.5)
    return np.clip(x + layer + np.rot90(layer, 2), 0, 1) * 255


def spatter(image, row, rng):
    loc, scale, sigma, threshold, mix, kind = row
    x = image / 255
    liquid = gaussian(rng.normal(size=x.shape[:2], loc=loc, scale=scale), sigma=sigma)
    if kind == 1:
        mud = gaussian((liquid > threshold).astype(np.float32), sigma=mix)
        mud = np.where(mud < 0.8, 0, mud)[..., None]
        return np.clip(x * (1 - mud) + mud * np.array([63, 42, 20]) / 255, 0, 1) * 255
    liquid = (np.where(liquid < threshold, 0, liquid).clip(0, 1) * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(liquid, 50, 150), cv2.DIST_L2, 5)
    _, distance = cv2.threshold(distance, 20, 20, cv2.THRESH_TRUNC)
    near = cv2.equalizeHist(cv2.blur(distance, (3, 3)).astype(np.uint8))
    embossed = cv2.filter2D(near, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    water = liquid * cv2.blur(embossed, (3, 3)).astype(np.float32)
    water = mix * water[..., None] / max(water.max(), 1)
    return np.clip(x + water * np.array([175, 238, 238]) / 255, 0, 1) * 255


def brightness(image, rise, rng):
    x = rgb2hsv(image / 255)
    x[..., 2] = np.clip(x[..., 2] + rise, 0, 1)
    return np.clip(hsv2rgb(x), 0, 1) * 255


def saturate(image, row, rng):
    factor, more = row
    x = rgb2hsv(image / 255)
    x[..., 1] = np.clip(x[..., 1] * factor + more, 0, 1)
    return np.clip(hsv2rgb(x), 0, 1) * 255


def contrast(image, factor, rng):
    x = image / 255
    mean = x.mean((0, 1), keepdims=True)
    return np.clip((x - mean) * factor + mean, 0, 1) * 255


def jpeg_compression(image, quality, rng):
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def pixelate(image, size, rng):
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((int(width * size), int(height * size)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX))


def elastic_transform(image, row, rng):
    size, sigma, skew = row
    x = (image / 255).astype(np.float32)
    height, width = x.shape[:2]
    centre, side = np.float32([width // 2, height // 2]), min(height, width) // 3
    corners = np.float32([centre + side, [centre[0] + side, centre[1] - side], centre - side])
    moved = corners + rng.uniform(-skew, skew, size=(3, 2)).astype(np.float32)
    x = cv2.warpAffine(x, cv2.getAffineTransform(corners, moved), (width, height), borderMode=cv2.BORDER_REFLECT_101)
    right, down = (
        gaussian_filter(rng.uniform(-1, 1, (height, width)), sigma, mode="reflect", truncate=3) * size for _ in range(2)
    )
    j, i, k = np.meshgrid(np.arange(width), np.arange(height), np.arange(3))
    where = [i + down[..., None], j + right[..., None], k]
    return np.clip(map_coordinates(x, where, order=1, mode="reflect"), 0, 1) * 255

"""JPEG, BMP, WebP, GIF and PNM through Pillow: strict about truncated files, EXIF and CMYK right."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, WebPImagePlugin  # noqa: F401 - registers WebP without importing all plug-ins

from segstudio.core.cancel import NEVER
from segstudio.core.display import auto_settings, to_rgb8
from segstudio.io.readers import streamed
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.limits import MAX_STREAMED_PIXELS, check_size
from segstudio.io.readers.memory import MemoryReader, oriented, oriented_size

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageReader

FORMATS = ("JPEG", "BMP", "DIB", "WEBP", "GIF", "PPM")
"""What Pillow may take a file for: its other plug-ins start programs or are seldom tested."""
ORIENTATION_TAG = 0x0112

# Our own limit is checked before anything is decoded; Pillow's lower one would refuse big microscope images.
Image.MAX_IMAGE_PIXELS = MAX_STREAMED_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What Pillow only warns of (odd EXIF, odd multi-picture headers) leaves the picture as it should be.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow mode → (mode to convert to, bands, dtype)
_MODES: dict[str, tuple[str, int, str]] = {
    "1": ("L", 1, "uint8"),
    "L": ("L", 1, "uint8"),
    "LA": ("LA", 2, "uint8"),
    "La": ("LA", 2, "uint8"),
    "P": ("RGB", 3, "uint8"),
    "PA": ("RGBA", 4, "uint8"),
    "RGB": ("RGB", 3, "uint8"),
    "RGBX": ("RGB", 3, "uint8"),
    "RGBA": ("RGBA", 4, "uint8"),
    "RGBa": ("RGBA", 4, "uint8"),
    "CMYK": ("RGB", 3, "uint8"),
    "YCbCr": ("RGB", 3, "uint8"),
    "I;16": ("", 1, "uint16"),
    "I;16B": ("", 1, "uint16"),
    "I": ("", 1, "uint16"),
    "F": ("", 1, "float32"),
}


def _orientation(image: Image.Image) -> int:
    try:
        value = int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - broken EXIF blocks raise anything; the picture is good without
        return 1
    return value if 1 <= value <= 8 else 1


def _target(image: Image.Image) -> tuple[str, int, str]:
    if image.mode not in _MODES:
        raise ValueError(f"its colour mode {image.mode} is not known")
    if image.mode == "P" and "transparency" in image.info:
        return "RGBA", 4, "uint8"
    return _MODES[image.mode]


def describe(path: Path, image: Image.Image, orientation: int, file_bytes: int | None) -> ImageInfo:
    """The description of an image whose header Pillow has read; UserError for sizes that cannot be."""
    _, bands, dtype = _target(image)
    pixel_bytes = max(4, bands * np.dtype(dtype).itemsize)
    if _is_streamable(image):
        streamed.check_streamed_size(path, image.width, image.height, pixel_bytes)
    else:
        check_size(path, image.width, image.height, pixel_bytes, file_bytes)
    width, height = oriented_size(image.width, image.height, orientation)
    metadata: dict[str, Any] = {"format": image.format or "", "mode": image.mode}
    frames = int(getattr(image, "n_frames", 1)) if image.format in ("GIF", "WEBP") else 1
    if frames > 1:
        metadata["frames"] = frames
    if orientation != 1:
        metadata["orientation"] = orientation
    return ImageInfo(path, width, height, 1, bands, dtype, level_sizes(width, height), bands >= 3, metadata)


def _is_streamable(image: Image.Image) -> bool:
    """Whether libvips unpacks it as Pillow does; inks are left to Pillow, which knows their profiles."""
    return image.format == "JPEG" and image.mode in ("L", "RGB")


def probe(path: Path) -> ImageInfo:
    """The description, from the header alone."""
    with Image.open(path, formats=FORMATS) as image:
        return describe(path, image, _orientation(image), path.stat().st_size)


def open_reader(path: Path, cancel: Cancel = NEVER) -> ImageReader:
    """Decode the image; a large JPEG row by row, into a pyramid that is kept."""
    with Image.open(path, formats=FORMATS) as image:
        orientation = _orientation(image)
        info = describe(path, image, orientation, path.stat().st_size)
        if _is_streamable(image) and streamed.is_streamed(info):
            return streamed.open_streamed(path, info, orientation, cancel)
        image.load()
        return MemoryReader(info, oriented(to_array(image), orientation))


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture; JPEGs are decoded at an eighth where that is enough."""
    with Image.open(path, formats=FORMATS) as image:
        orientation = _orientation(image)
        describe(path, image, orientation, path.stat().st_size)
        if image.mode != "CMYK":
            image.draft("RGB", (side_px * 2, side_px * 2))
        return small_picture(image, orientation, side_px)


def small_picture(image: Image.Image, orientation: int, side_px: int) -> npt.NDArray[np.uint8]:
    """(y, x, 3) RGB of a Pillow image, reduced and turned."""
    image.load()
    if _target(image)[0]:
        picture: Image.Image = Image.fromarray(np.ascontiguousarray(_first_colors(to_array(image))))
    else:
        values = to_array(image)[None]
        picture = Image.fromarray(to_rgb8(values, auto_settings(values)))
    picture.thumbnail((side_px, side_px), Image.Resampling.BOX, reducing_gap=2.0)
    return oriented(np.asarray(picture.convert("RGB")), orientation)


def _first_colors(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if pixels.ndim == 3:
        return pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]
    return pixels


def to_array(image: Image.Image) -> npt.NDArray[Any]:
    """(y, x) or (y, x, band) values of a loaded Pillow image."""
    mode, _, dtype = _target(image)
    if image.mode == "CMYK":
        return np.asarray(_rgb_of_cmyk(image))
    if mode and image.mode != mode:
        image = image.convert(mode)
    return np.asarray(image) if mode else np.asarray(image).astype(dtype, copy=False)


def _rgb_of_cmyk(image: Image.Image) -> Image.Image:
    """CMYK as the embedded profile says; without one, or with a broken one, the simple way."""
    profile = image.info.get("icc_profile")
    if profile:
        from PIL import ImageCms

        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")

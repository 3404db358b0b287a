"""imagecodecs as a decoding plug-in of pydicom: the compressed kinds that pydicom and Pillow alone cannot read.

JPEG with 12 bits, lossless JPEG, JPEG-LS, JPEG 2000 with deep colours, and HTJ2K. imagecodecs (BSD) is a dependency
anyway; the usual plug-ins are GPL (libjpeg of pylibjpeg) or hard to install (GDCM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_EXTENDED = "1.2.840.10008.1.2.4.51"
_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
_HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
SYNTAXES = (_EXTENDED, *_LOSSLESS, *_JPEG_LS, *_JPEG_2000, *_HTJ2K)
"""Transfer syntaxes that :func:`decode_frame` reads."""

DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("imagecodecs",))
"""What pydicom names where a decoder is not available."""
_LABEL = "imagecodecs"


def is_available(uid: str) -> bool:
    """Whether frames of this transfer syntax are decoded here (pydicom asks)."""
    return uid in SYNTAXES


def register() -> None:
    """Enter the plug-in with pydicom; safe to call again."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    for syntax in SYNTAXES:
        try:
            decoder = get_decoder(UID(syntax))
        except NotImplementedError:
            continue
        if _LABEL not in decoder.available_plugins:
            decoder.add_plugin(_LABEL, (__name__, "decode_frame"))


def decode_frame(source: bytes, runner: Any) -> bytes:
    """The pixels of one encoded frame, bands interleaved, as *runner* (pydicom's ``DecodeRunner``) describes them."""
    syntax = str(runner.transfer_syntax)
    pixels = _decoded(source, syntax)
    samples = int(runner.samples_per_pixel)
    if (1 if pixels.ndim == 2 else pixels.shape[-1]) != samples:
        raise ValueError("the frame has other bands than it claims")
    if samples > 1:
        runner.set_option("planar_configuration", 0)
    is_wavelet = syntax in (*_JPEG_2000, *_HTJ2K)
    if is_wavelet and runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")  # the codec has turned it back
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    return np.ascontiguousarray(pixels).tobytes()


def _decoded(source: bytes, syntax: str) -> npt.NDArray[Any]:
    import imagecodecs

    if syntax in _LOSSLESS:
        return np.asarray(imagecodecs.jpegsof3_decode(source))
    if syntax in _JPEG_LS:
        return np.asarray(imagecodecs.jpegls_decode(source))
    if syntax == _EXTENDED:
        # The same colour space in and out: pydicom turns colours itself.
        return np.asarray(imagecodecs.jpeg8_decode(source, colorspace="YCbCr", outcolorspace="YCbCr")
                          if _components(source) == 3 else imagecodecs.jpeg8_decode(source))  # fmt: skip
    return np.asarray(imagecodecs.jpeg2k_decode(source))


def _components(source: bytes) -> int:
    """The number of components in a JPEG's frame header; 1 where there is none."""
    at = 2
    while at + 9 < len(source) and source[at] == 0xFF:
        marker, length = source[at + 1], int.from_bytes(source[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return source[at + 9]
        at += 2 + length
    return 1

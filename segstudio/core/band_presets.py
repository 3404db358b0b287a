"""Which bands make which picture: guesses from the names and the number of an image's bands, and CT windows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.core.display import shown_bands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CT_WINDOWS: tuple[tuple[str, float, float], ...] = (
    ("Lung", 1500.0, -600.0),
    ("Bone", 1800.0, 400.0),
    ("Brain", 80.0, 40.0),
    ("Soft tissue", 400.0, 50.0),
    ("Liver", 150.0, 30.0),
)
"""(name, window, level) in Hounsfield units, as radiologists mostly set them."""

Roles = dict[str, int]
"""What a band shows ("red", "green", "blue", "nir", "swir1", "swir2") → its index."""

_BY_COUNT: dict[int, tuple[str, Roles]] = {
    4: ("red, green, blue, near infrared", {"red": 0, "green": 1, "blue": 2, "nir": 3}),
    5: ("MicaSense", {"blue": 0, "green": 1, "red": 2, "nir": 3}),
    6: ("Landsat 4–7", {"blue": 0, "green": 1, "red": 2, "nir": 3, "swir1": 4, "swir2": 5}),
    7: ("Landsat 8 and 9", {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 6}),
    8: ("WorldView", {"blue": 1, "green": 2, "red": 4, "nir": 6}),
    10: ("Sentinel-2", {"blue": 0, "green": 1, "red": 2, "nir": 6, "swir1": 8, "swir2": 9}),
    11: ("Landsat 8 and 9", {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 6}),
    12: ("Sentinel-2 L2A", {"blue": 1, "green": 2, "red": 3, "nir": 7, "swir1": 10, "swir2": 11}),
    13: ("Sentinel-2 L1C", {"blue": 1, "green": 2, "red": 3, "nir": 7, "swir1": 11, "swir2": 12}),
}
"""Number of bands → (whose order that mostly is, its roles)."""
_SENTINEL = {"b2": "blue", "b3": "green", "b4": "red", "b8": "nir", "b11": "swir1", "b12": "swir2"}
_LANDSAT = {"b2": "blue", "b3": "green", "b4": "red", "b5": "nir", "b6": "swir1", "b7": "swir2"}
_WORDS = {
    "red": "red", "r": "red", "green": "green", "g": "green", "blue": "blue", "b": "blue",
    "nir": "nir", "nir1": "nir", "near infrared": "nir", "near-infrared": "nir", "infrared": "nir",
    "swir1": "swir1", "swir 1": "swir1", "swir16": "swir1", "swir": "swir1",
    "swir2": "swir2", "swir 2": "swir2", "swir22": "swir2",
}  # fmt: skip
_PICTURES: tuple[tuple[str, str, tuple[str, str, str]], ...] = (
    ("natural", "Natural colours", ("red", "green", "blue")),
    ("false_nir", "False colour, near infrared", ("nir", "red", "green")),
    ("false_swir", "Short-wave infrared", ("swir2", "nir", "red")),
    ("crops", "Crops", ("swir1", "nir", "blue")),
)


@dataclass(frozen=True, slots=True)
class BandPreset:
    """A picture that the bands can make; ``title`` is English, for people."""

    id: str
    title: str
    bands: tuple[int, int, int]


def band_roles(band_count: int, names: Sequence[str] = (), *, is_rgb: bool = False) -> Roles:
    """What the bands show, as far as their names tell, else as their number suggests; empty where neither does.

    ``is_rgb``: the first three are known to be red, green and blue, and a fourth is no infrared.
    """
    if is_rgb:
        return {"red": 0, "green": 1, "blue": 2}
    named = _named_roles(names[:band_count])
    if {"red", "green", "blue"} <= named.keys():
        return named
    if band_count in _BY_COUNT:
        return dict(_BY_COUNT[band_count][1])
    return {"red": 0, "green": 1, "blue": 2} if band_count == 3 else named


def _named_roles(names: Sequence[str]) -> Roles:
    plain = [re.sub(r"[\s_]+", " ", name.strip().lower()) for name in names]
    found: Roles = {}
    for index, name in enumerate(plain):
        role = _WORDS.get(name)
        if role is not None:
            found.setdefault(role, index)
    if found:
        return found
    codes: dict[str, int] = {}
    for index, name in enumerate(plain):
        match = re.fullmatch(r"(?:.*\s)?b(?:and)?\s?0*(\d+)(a?)(?:\s.*)?", name)
        if match is not None:
            codes.setdefault(f"b{match[1]}{match[2]}", index)
    is_sentinel = "b8a" in codes or {"b8", "b11", "b12"} <= codes.keys() or ("b8" in codes and "b5" not in codes)
    table = _SENTINEL if is_sentinel else _LANDSAT
    return {role: codes[code] for code, role in table.items() if code in codes}


def band_presets(
    band_count: int, names: Sequence[str] = (), *, is_rgb: bool = False, is_spectral: bool = True
) -> tuple[BandPreset, ...]:
    """The pictures that the bands can make, the natural one first; none for fewer than two bands.

    Unless ``is_spectral`` they are no colours (but times, say), and each is shown alone.
    """
    if band_count < 2:
        return ()
    roles = band_roles(band_count, names, is_rgb=is_rgb) if is_spectral else {}
    found = []
    for preset_id, title, wanted in _PICTURES:
        if all(role in roles for role in wanted):
            red, green, blue = (roles[role] for role in wanted)
            found.append(BandPreset(preset_id, title, (red, green, blue)))
    if not found and band_count >= 3 and is_spectral:
        found.append(BandPreset("first", "First three bands", (0, 1, 2)))
    for index in range(band_count):
        name = names[index] if index < len(names) and names[index] else f"band {index + 1}"
        found.append(BandPreset(f"band:{index}", name, (index, index, index)))
    return tuple(found)


def natural_bands(band_count: int, names: Sequence[str] = (), *, is_rgb: bool = False) -> tuple[int, int, int]:
    """The bands drawn unless said otherwise: natural colours where they are known, else the first three or one."""
    if band_count >= 3:
        roles = band_roles(band_count, names, is_rgb=is_rgb)
        if {"red", "green", "blue"} <= roles.keys():
            return roles["red"], roles["green"], roles["blue"]
    return shown_bands(band_count)


def default_bands(band_count: int, metadata: Mapping[str, object], *, is_rgb: bool = False) -> tuple[int, int, int]:
    """As :func:`natural_bands`, but what the reader says (``default_bands``: times or echoes as bands) goes first."""
    own = metadata.get("default_bands")
    if isinstance(own, tuple) and len(own) == 3:
        return own
    return natural_bands(band_count, names_of(metadata), is_rgb=is_rgb)


def names_of(metadata: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the bands, as far as the file tells them."""
    names = metadata.get("band_names")
    return tuple(str(name) for name in names) if isinstance(names, (tuple, list)) else ()


def window_presets(metadata: Mapping[str, object], dtype: str) -> tuple[tuple[str, float, float], ...]:
    """(name, window, level) to offer: the file's own, and the usual ones for CT (also where 16 bits are signed)."""
    found: list[tuple[str, float, float]] = []
    own = metadata.get("window_presets")
    if isinstance(own, (tuple, list)):
        for row in own:
            if isinstance(row, (tuple, list)) and len(row) == 3 and float(row[1]) > 0:
                found.append((str(row[0]), float(row[1]), float(row[2])))
    modality = metadata.get("modality")
    if modality == "CT" or (modality is None and dtype == "int16"):
        found += CT_WINDOWS
    return tuple(dict.fromkeys(found))

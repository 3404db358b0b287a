"""Names of timm's networks, read from its source text: no import of timm, and so none of torch."""

from __future__ import annotations

import difflib
import importlib.util
import re
from functools import lru_cache
from pathlib import Path

from segstudio.core.errors import UserError

_REGISTERED = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)


@lru_cache(maxsize=1)
def timm_names() -> tuple[str, ...]:
    """All networks of the installed timm, sorted; empty where timm, or its source text, is not there."""
    spec = importlib.util.find_spec("timm")
    names: set[str] = set()
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for file in (Path(place) / "models").glob("*.py"):
            names.update(_REGISTERED.findall(file.read_text(encoding="utf-8", errors="replace")))
    return tuple(sorted(names))


def checked_timm_name(name: str) -> str:
    """*name* itself; it may carry a weights tag, as in ``resnet50.a1_in1k``. Where no names can be read it is believed.

    Raises
    ------
    UserError
        When timm has no such network; names near ones.
    """
    known = timm_names()
    plain = name.split(".")[0]
    if not known or plain in known:
        return name
    near = difflib.get_close_matches(plain, known, n=3, cutoff=0.6)
    raise UserError(
        f"timm has no network {name!r}",
        remedy=f"did you mean {' or '.join(f'timm:{n}' for n in near)}?"
        if near
        else "give a name such as timm:regnety_002",
    )

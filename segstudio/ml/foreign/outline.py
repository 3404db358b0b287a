"""What a weights file holds, tensor by tensor. No torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TensorLine:
    """One tensor: name, shape, type of number."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str

    @property
    def shape_text(self) -> str:
        """The shape as a person reads it."""
        return "×".join(str(side) if side else "?" for side in self.shape) or "one number"


@dataclass(frozen=True)
class FileOutline:
    """A file's tensors: where in it they were found, the network they are (or "") and why not (or "")."""

    path: str
    kind: str
    tensors: tuple[TensorLine, ...]
    place: str = ""
    network: str = ""
    problem: str = ""
    counted: int | None = None

    @property
    def parameters(self) -> int:
        """How many numbers the file holds (``counted``, where it lists more than parameters); counters are left out."""
        if self.counted is not None:
            return self.counted
        return sum(
            math.prod(int(side) for side in line.shape)
            for line in self.tensors
            if line.dtype.lower().startswith(("f", "bf", "double", "half"))
            and all(isinstance(s, int) for s in line.shape)
        )

    def to_json(self) -> dict[str, Any]:
        """The outline as ``segstudio models info FILE --json`` prints it."""
        return {
            "path": self.path, "kind": self.kind, "place": self.place, "network": self.network, "problem": self.problem,
            "parameters": self.parameters,
            "tensors": [{"name": t.name, "shape": list(t.shape), "dtype": t.dtype} for t in self.tensors],
        }  # fmt: skip

    def to_text(self) -> str:
        """The outline as a table."""
        facts = [
            ("file", self.path),
            ("kind", self.kind + (f", in {self.place}" if self.place else "")),
            ("network", self.network or self.problem),
            ("tensors", f"{len(self.tensors)}, {self.parameters:,} parameters"),
        ]
        width = max((len(line.name) for line in self.tensors), default=0)
        lines = [f"{name + ':':15} {value}" for name, value in facts]
        lines += [f"  {t.name.ljust(width)}  {t.shape_text}  {t.dtype}" for t in self.tensors]
        return "\n".join(lines)

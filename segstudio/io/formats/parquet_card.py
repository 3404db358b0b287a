"""The card (README.md) of a dataset for the Hugging Face hub: what lies in it, for people and for the hub's reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.core.classes import ClassTable

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(classes: ClassTable, counts: Mapping[str, int], ignore: int) -> str:
    """Markdown with the YAML head that the hub reads; *counts* are the rows of each split."""
    total = sum(counts.values())
    size = next((name for limit, name in _SIZES if total < limit), "n>1M")
    files = "".join(f"      - split: {_split(split)}\n        path: data/{split}-*\n" for split in counts)
    rows = "".join(f"| {item.mask_value} | {_cell(item.name)} | `{item.color}` |\n" for item in classes)
    images = "".join(f"- {_split(split)}: {count} images\n" for split, count in counts.items())
    return (
        "---\n"
        "task_categories:\n"
        "  - image-segmentation\n"
        f"size_categories:\n  - {size}\n"
        f"configs:\n  - config_name: default\n    data_files:\n{files}"
        "---\n\n"
        "# Images with masks\n\n"
        f"{images}\n"
        "`image` is the picture, `mask` an index mask of the same size. `instances` numbers the objects (0 = none; null "
        "where there are none), `objects` tells the class of each number.\n\n"
        f"Values of `mask` ({ignore} = not to be counted):\n\n"
        f"| value | class | colour |\n| --- | --- | --- |\n{rows}\n"
        "```python\n"
        "from datasets import load_dataset\n\n"
        'rows = load_dataset("path/of/this/folder")\n'
        "```\n"
    )


def _split(name: str) -> str:
    """The hub calls it "validation"."""
    return "validation" if name == "val" else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")

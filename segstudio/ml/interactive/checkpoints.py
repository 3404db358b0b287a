"""The tensors of a click model's checkpoint: only tensors are ever unpickled."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import safetensors
import torch

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

WRAPPERS = ("model", "state_dict", "model_state")
"""Keys under which trainers put the tensors."""


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Name → tensor of a PyTorch checkpoint or a safetensors file, on the CPU.

    Raises
    ------
    UserError
        When it is damaged, or holds anything but tensors.
    """
    try:
        with path.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        if not is_zip:
            with safetensors.safe_open(path, framework="pt", device="cpu") as opened:
                return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no dict
        with warnings.catch_warnings():
            # torch warns of unusual pickle protocols; what counts is whether the weights come out.
            warnings.simplefilter("ignore")
            # mmap: what is not needed (SAM 2's video parts) is never read.
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            "the weights file holds more than weights and may run code, so segstudio refuses it",
            path=path,
            remedy="take the file from its publisher",
        ) from error
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"the weights file is damaged ({first})", path=path, remedy="copy or download it again"
        ) from error
    return _plain(state, path)


def _plain(state: object, path: Path) -> dict[str, torch.Tensor]:
    for key in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(
            "the weights file holds no plain list of weights", path=path, remedy="take the file from its publisher"
        )
    return {str(name): value for name, value in state.items()}

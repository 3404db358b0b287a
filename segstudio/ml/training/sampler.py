"""Which patches an epoch takes, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.ml.training.distributed import Ranks

Key = tuple[int, int]
"""(epoch, index) of a patch."""


class EpochSampler(Sampler[Key]):
    """(epoch, index) keys in an order that is a function of seed and epoch alone, so that a resumed run repeats it.

    ``epoch`` and ``skipped``, how many keys at its beginning were learnt before, are set before each pass.
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed = length, seed
        self.epoch, self.skipped = 1, 0

    def __len__(self) -> int:
        """Patches of the pass."""
        return self.length - self.skipped

    def keys(self) -> list[Key]:
        """All keys of ``epoch``, those that are skipped too."""
        order = np.random.default_rng([self.seed, self.epoch, 7]).permutation(self.length).tolist()
        return [(self.epoch, index) for index in order]

    def __iter__(self) -> Iterator[Key]:
        """The keys of ``epoch`` from ``skipped`` on."""
        yield from self.keys()[self.skipped :]


class RankSampler(Sampler[Key]):
    """Of each batch of a sampler's keys the share of one process; a last batch that is not whole is left out."""

    def __init__(self, sampler: EpochSampler, batch: int, ranks: Ranks) -> None:
        self._sampler, self._ranks = sampler, ranks
        self._batch = min(batch, sampler.length)

    def __len__(self) -> int:
        """Patches of the pass that this process learns."""
        return len(self._sampler) // self._batch * len(self._ranks.share(range(self._batch)))

    def __iter__(self) -> Iterator[Key]:
        """The keys of the pass that this process learns."""
        keys = list(self._sampler)
        for begin in range(0, len(keys) - self._batch + 1, self._batch):
            yield from self._ranks.share(keys[begin : begin + self._batch])

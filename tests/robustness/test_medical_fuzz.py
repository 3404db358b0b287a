"""Medical files with random damage in their headers: opened, or refused in one sentence; nothing else comes out."""

from __future__ import annotations

import gzip
import random
import tracemalloc

import pytest
from medical_files import AFFINES, volume, write_nifti, write_series

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.registry import open_image, probe

pytest.importorskip("nibabel")
pytest.importorskip("pydicom")
ROUNDS = 250


@pytest.mark.parametrize("kind", ["nifti", "packed", "dicom"])
def test_damaged_headers(tmp_path, kind):
    if kind == "dicom":
        source, head, name = write_series(tmp_path / "ct", volume()[:1])[0], 900, "x.dcm"
    else:
        source, head, name = write_nifti(tmp_path / "a.nii", volume().transpose(2, 1, 0), AFFINES["oblique"]), 352, "x.nii"
    whole = source.read_bytes()
    chance = random.Random(7)
    target = tmp_path / "damaged" / name
    target.parent.mkdir()
    opened = refused = 0
    tracemalloc.start()
    for _ in range(ROUNDS):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(head)] = chance.choice([0, 1, 255, chance.randrange(256)])
        if kind != "dicom":
            content[344:348] = b"n+1\0"
        if chance.random() < 0.15:
            del content[chance.randrange(len(content)) :]
        target.write_bytes(gzip.compress(bytes(content), 1) if kind == "packed" else bytes(content))
        try:
            info = probe(target)
            reader = open_image(target)
            reader.read(0, info.depth - 1, Rect(0, 0, info.width, info.height))
            reader.close()
            opened += 1
        except UserError as error:
            assert str(target) in str(error) and str(error).count("\n") == 0
            refused += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert opened and refused
    assert peak < 400 << 20

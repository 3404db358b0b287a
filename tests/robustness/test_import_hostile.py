"""Damaged and hostile datasets of every format that is read: labels or one sentence, quickly, and nothing outside is touched."""

from __future__ import annotations

import random
import re
import shutil
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from round_trips import Scene, class_table, items_of, write_dataset

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.table import importers

FORMATS = [entry.id for entry in importers().values()]
MUTATIONS = 24
LIMIT_S = 2.0
_MOST_PIXELS = 1 << 26
_opened_files: list[str] | None = None
TEXT_SUFFIXES = {".json", ".jsonl", ".xml", ".txt", ".yaml", ".yml", ".csv", ".md", ".geojson"}
NUMBERS = (
    b"NaN",
    b"1e308",
    b"-1",
    b"1e400",
    b"99999999999999999999",
    b"-Infinity",
    b'"7"',
    b"null",
    b"[]",
    b"{}",
    b"0",
)
PATHS = (
    b"../outside/secret.png",
    b"/etc/passwd",
    b"C:\\\\secret.png",
    b"\\\\\\\\host\\\\share\\\\x.png",
    b"CON",
    b"a\\u0000b.png",
)


def _audit(event: str, arguments: tuple) -> None:
    if _opened_files is not None and event == "open" and isinstance(arguments[0], (str, bytes)):
        name = arguments[0]
        _opened_files.append(name if isinstance(name, str) else name.decode("utf-8", "replace"))


sys.addaudithook(_audit)


def scene(seed: int) -> Scene:
    """Stuff, ignored pixels and three objects, one with a hole."""
    rng = np.random.default_rng(seed)
    values = np.zeros((24, 32), np.uint16)
    values[:8] = 1 + seed % 2
    values[20:, :5] = IGNORE
    ring = np.ones((6, 6), np.bool_)
    ring[2:4, 2:4] = False
    builder = LayerBuilder(32, 24, [1, 2, 3, 4])
    builder.add(ClassPixels(0, 0, values))
    builder.add(FoundObject(2, 10, ring, 2, key="ring"))
    builder.add(FoundObject(12, 10, np.ones((3, 4), np.bool_), 3, key="box"))
    builder.add(FoundObject(20, 10, rng.random((5, 6)) < 0.7, 2, key="ragged"))
    return Scene(builder.layers, 32, 24, class_table())


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Format id → a valid dataset of it, written once."""
    made: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("hostile")
    items = items_of([scene(0), scene(1)], root / "pictures")
    (root / "outside").mkdir()
    (root / "outside" / "secret.png").write_bytes((root / "pictures" / "image0.png").read_bytes())

    def make(format_id: str) -> Path:
        if format_id not in made:
            folder = root / format_id
            try:
                write_dataset(format_id, items, class_table(), folder)
            except UserError as error:
                if "not installed" not in str(error):
                    raise
                pytest.skip(str(error))
            made[format_id] = folder
        return made[format_id]

    return make


def read_all(source: Path, format_id: str) -> tuple[int, list[Path]]:
    """Read all that the importer gives; (images whose labels came, files of images). UserError is an answer, too."""
    came, files = 0, []
    try:
        with opened(source, format_id) as importer:
            for found in importer.images():
                if found.image is not None:
                    files.append(found.image)
                if found.width * found.height * max(found.depth, 1) > _MOST_PIXELS:
                    continue
                try:
                    size = (found.width or 32, found.height or 24, max(found.depth, 1))
                    ids = [1 + index % 4 for index in range(10_000)]
                    build_layers(found, ids, size, NEVER)
                    came += 1
                except UserError as error:
                    assert_sentence(error)
            assert all(problem.sentence for problem in importer.problems)
    except UserError as error:
        assert_sentence(error)
    return came, files


def assert_sentence(error: UserError) -> None:
    text = str(error)
    assert text.strip().endswith((".", "?")) and "Traceback" not in text and len(text) < 2000


def assert_inside(folder: Path, files: list[Path]) -> None:
    """Neither an image nor a file that was opened lies outside."""
    root = folder.resolve()
    assert all(file.resolve().is_relative_to(root) for file in files)
    outside = str((root.parent / "outside").resolve())
    touched = [name for name in _opened_files or () if outside in str(Path(name).absolute()) or name == "/etc/passwd"]
    assert not touched


def checked(folder: Path, format_id: str, what: str) -> int:
    """Read within the limits; images whose labels came."""
    global _opened_files
    _opened_files = []
    started = time.perf_counter()
    cpu = time.process_time()
    try:
        came, files = read_all(folder, format_id)
        detect(folder)
    except Exception as error:
        raise AssertionError(f"{format_id}, {what}: {type(error).__name__}: {error}") from error
    finally:
        opened_now, _opened_files = _opened_files, None
    _opened_files = opened_now
    assert_inside(folder, files)
    _opened_files = None
    spent = min(time.perf_counter() - started, time.process_time() - cpu)
    assert spent < LIMIT_S, f"{format_id}, {what}: {spent:.1f} s"
    return came


def label_files(folder: Path) -> list[Path]:
    """The dataset's files, those that hold labels first."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "export-report.json")
    return [path for path in files if "images" not in path.relative_to(folder).parts[:1]] or files


def mutated(data: bytes, is_text: bool, chance: random.Random) -> tuple[bytes, str]:
    """Damaged bytes, and how."""
    kinds = ["flip", "cut", "repeat", "insert", "empty"] + ["number", "path", "swap"] * is_text
    kind = chance.choice(kinds)
    if not data or kind == "empty":
        return b"", "empty"
    place = chance.randrange(len(data))
    if kind == "flip":
        changed = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(changed), kind
    if kind == "cut":
        return data[:place], kind
    if kind == "repeat":
        end = min(len(data), place + chance.randint(1, 64))
        return data[:end] + data[place:end] * chance.randint(1, 40) + data[end:], kind
    if kind == "insert":
        return data[:place] + bytes(chance.randrange(256) for _ in range(8)) + data[place:], kind
    if kind == "number":
        return _replaced(data, rb"-?\d+(\.\d+)?", chance.choice(NUMBERS), chance), kind
    if kind == "path":
        return _replaced(data, rb"[\w./-]+\.(png|jpg|tif|txt|json|npz|gz|dcm)", chance.choice(PATHS), chance), kind
    return _replaced(data, rb'"[^"]*"', chance.choice((b"7", b"[1]", b"{}", b"null", b'""', b"true")), chance), kind


def _replaced(data: bytes, pattern: bytes, by: bytes, chance: random.Random) -> bytes:
    places = list(re.finditer(pattern, data))
    if not places:
        return data[::-1]
    for one in sorted(chance.sample(places, min(len(places), chance.choice((1, 1, 3)))), key=lambda m: -m.start()):
        data = data[: one.start()] + by + data[one.end() :]
    return data


@pytest.mark.parametrize("format_id", FORMATS)
def test_a_valid_dataset_is_read(datasets, format_id):
    """The control: without it the others would prove nothing."""
    assert checked(datasets(format_id), format_id, "valid") == 2


@pytest.mark.parametrize("format_id", FORMATS)
def test_damaged_files_end_in_a_sentence(datasets, format_id):
    folder = datasets(format_id)
    chance = random.Random(format_id)
    files = label_files(folder)
    for number in range(MUTATIONS):
        file = chance.choice(files)
        whole = file.read_bytes()
        data, how = mutated(whole, file.suffix.lower() in TEXT_SUFFIXES, chance)
        try:
            file.write_bytes(data)
            checked(folder, format_id, f"{number}: {file.relative_to(folder)} {how}")
        finally:
            file.write_bytes(whole)


@pytest.mark.parametrize("format_id", FORMATS)
def test_missing_files_end_in_a_sentence(datasets, format_id, tmp_path):
    folder = datasets(format_id)
    for number, file in enumerate(label_files(folder)[:8]):
        whole = file.read_bytes()
        file.unlink()
        try:
            checked(folder, format_id, f"without {file.relative_to(folder)} ({number})")
        finally:
            file.write_bytes(whole)


@pytest.mark.parametrize("format_id", FORMATS)
def test_links_that_lead_out_are_not_followed(datasets, format_id):
    folder = datasets(format_id)
    secret = folder.parent / "outside" / "secret.png"
    for file in label_files(folder)[:6]:
        whole = file.read_bytes()
        file.unlink()
        file.symlink_to(secret)
        try:
            with_link(folder, format_id, file)
        finally:
            file.unlink()
            file.write_bytes(whole)


def with_link(folder: Path, format_id: str, file: Path) -> None:
    """What the link leads to may be no label file at all: what counts is that no image of the dataset lies outside."""
    try:
        _, files = read_all(folder, format_id)
    except Exception as error:
        raise AssertionError(f"{format_id}, link {file.name}: {type(error).__name__}: {error}") from error
    assert all(one.resolve().is_relative_to(folder.resolve()) for one in files)


@pytest.mark.parametrize("format_id", FORMATS)
def test_an_archive_of_it_is_read_and_a_hostile_one_refused(datasets, format_id, tmp_path):
    folder = datasets(format_id)
    archive = tmp_path / f"{format_id}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in folder.rglob("*"):
            packed.write(file, f"data/{file.relative_to(folder)}")
    assert read_all(archive, format_id)[0] == 2
    for name in ("../escaped.txt", "/escaped.txt", "C:\\escaped.txt", "data/../../escaped.txt"):
        bad = tmp_path / "bad.zip"
        shutil.copyfile(archive, bad)
        with zipfile.ZipFile(bad, "a") as packed:
            packed.writestr(name, "x")
        with pytest.raises(UserError, match="leads out"), opened(bad, format_id):
            pass
    assert not list(tmp_path.parent.glob("escaped.txt"))
    assert not Path("/escaped.txt").exists()


def test_detection_never_fails_and_never_stands_in_the_way(tmp_path):
    chance = random.Random(5)
    for number in range(40):
        file = (
            tmp_path
            / f"{number}{chance.choice(sorted(TEXT_SUFFIXES) + ['.png', '.tif', '.npz', '.gpkg', '.dcm', '.nii.gz', ''])}"
        )
        file.write_bytes(
            chance.choice(
                (b"", b"{", b"[" * 50_000, b"\xff\xfe\x00", b"<a", bytes(chance.randrange(256) for _ in range(300)))
            )
        )
        detect(file)
    assert all(1 <= sure <= 100 for _, sure in detect(tmp_path))

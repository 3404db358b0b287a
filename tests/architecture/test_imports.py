"""Who may import whom: the contracts of pyproject.toml, and what really happens at run time."""

from __future__ import annotations

import importlib.util
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from processes import output, run

import segstudio
from segstudio.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
QT = ("PySide6", "shiboken6", "pyqtgraph")
TORCH = ("torch", "torchvision", "timm", "safetensors", "tensorboard")
NOT_ON_A_TRAINING_MACHINE = ("sqlalchemy", "platformdirs", *QT, "tifffile", "imagecodecs")
"""A machine rented for its GPU has torch, torchvision, timm, OpenCV, NumPy, Pillow, safetensors and TensorBoard."""
TORCH_FREE = (
    "cards",
    "registry",
    "api",
    "plan",
    "download",
    "weights_header",
    "class_mapping",
    "networks.table",
    "networks.costs",
    "advice",
    "encoders.cards",
    "networks.options",
    "encoders.timm_names",
    "encoders.availability",
    "folders",
    "model_options",
    "classic.table",
    "classic.segmenter",
)


def modules_of(package: str) -> list[str]:
    """Every module below *package*, by walking its folders; nothing is imported."""
    root = Path(segstudio.__file__).parent / package
    return sorted(
        f"segstudio.{package}." + ".".join(p.relative_to(root).with_suffix("").parts)
        for p in root.rglob("*.py")
        if p.name != "__init__.py"
    )


def test_import_contracts():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "KEPT" in done.stdout and "BROKEN" not in done.stdout


def test_contracts_notice_an_arrow_that_points_up(tmp_path):
    """The control: the same contracts on a package with one wrong arrow."""
    package = tmp_path / "segstudio"
    for floor in ("core", "io", "ml", "jobs", "app", "gui", "cli"):
        (package / floor).mkdir(parents=True)
        (package / floor / "__init__.py").touch()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    for module in {name for contract in contracts for name in contract.get("source_modules", ())}:
        file = tmp_path / f"{module.replace('.', '/')}.py"
        for folder in [*file.relative_to(package).parents][:-1]:
            (package / folder).mkdir(exist_ok=True)
            (package / folder / "__init__.py").touch()
        if not file.with_suffix("").is_dir():
            file.touch()
    for name in ("__init__", "__main__"):
        (package / f"{name}.py").touch()
    (package / "core" / "wrong.py").write_text("import segstudio.app\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0 and "BROKEN" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("floor", ["core", "io", "ml", "jobs", "app"])
def test_floor_works_where_qt_is_not_installed(floor):
    names = modules_of(floor)
    assert len(names) > 3
    output(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)", blocked=QT)


@pytest.mark.parametrize("floor", ["core", "io", "jobs", "app"])
def test_floor_works_where_torch_is_not_installed(floor):
    names = modules_of(floor)
    output(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)", blocked=(*TORCH, *QT))


def test_blocker_blocks():
    """The control of the two above."""
    assert run("import segstudio.gui.main", blocked=QT).returncode != 0
    assert run("import segstudio.ml.training.trainer", blocked=TORCH).returncode != 0


@pytest.mark.parametrize("name", TORCH_FREE)
def test_torch_free_module_of_ml(name):
    if name == "networks.table" and importlib.util.find_spec("segstudio.ml.networks.table") is None:
        pytest.skip("no table of networks yet")
    output(f"import segstudio.ml.{name}", blocked=(*TORCH, *QT))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_every_command_works_where_qt_is_not_installed(command):
    code = f"""
        import sys
        from segstudio.cli.main import main
        try:
            main([{command!r}, "--help"])
        except SystemExit as end:
            assert end.code == 0, end.code
        loaded = sorted(set({TORCH!r}) & set(sys.modules))
        assert not loaded, f"{{loaded}} imported for a help text"
    """
    assert "--help" in output(code, blocked=QT)


def test_version_and_help_import_next_to_nothing():
    code = """
        import sys
        from segstudio.cli.main import main
        try:
            main(["--help"])
        except SystemExit:
            pass
        heavy = {"numpy", "cv2", "torch", "PySide6", "sqlalchemy", "PIL"} & set(sys.modules)
        assert not heavy, heavy
    """
    output(code)


def test_training_imports_where_only_the_learning_libraries_are():
    code = """
        import importlib
        for name in ("segstudio.ml.training.trainer", "segstudio.ml.training.setup", "segstudio.io.datasets",
                     "segstudio.cli.train", "segstudio.cli.main"):
            importlib.import_module(name)
    """
    output(code, blocked=NOT_ON_A_TRAINING_MACHINE)


def test_training_runs_where_only_the_learning_libraries_are(tmp_path):
    code = f"""
        import numpy as np
        from pathlib import Path
        from PIL import Image
        root = Path({str(tmp_path)!r})
        y, x = np.mgrid[:64, :64]
        for split, count in (("train", 2), ("val", 1)):
            for kind in ("images", "masks"):
                (root / kind / split).mkdir(parents=True)
            for index in range(count):
                mask = ((x + 7 * index + 3 * (split == 'val')) % 32 < 16).astype(np.uint8)
                Image.fromarray(np.repeat(mask[..., None] * 100, 3, 2)).save(root / "images" / split / f"{{index}}.png")
                Image.fromarray(mask).save(root / "masks" / split / f"{{index}}.png")
        from segstudio.cli.main import main
        code = main(["train", "--data", f"folder:{{root / 'images'}},{{root / 'masks'}}", "--arch", "unet", "--encoder",
                     "none", "--epochs", "1", "--batch", "2", "--device", "cpu", "--out", str(root / "run")])
        assert code == 0
        assert (root / "run" / "best.safetensors").is_file()
    """
    output(code, blocked=NOT_ON_A_TRAINING_MACHINE)


def test_every_module_of_the_window_imports():
    names = modules_of("gui")
    code = f"""
        import importlib, sys
        for name in {names!r}:
            importlib.import_module(name)
        loaded = sorted(set({TORCH!r}) & set(sys.modules))
        assert not loaded, loaded
    """
    output(code)


def test_main_window_never_brings_torch(tmp_path):
    code = f"""
        import sys
        from segstudio.gui.main import make_application, open_window
        app = make_application()
        window = open_window([])
        app.processEvents()
        _ = window.workspace
        window.show_project(True)
        app.processEvents()
        loaded = sorted(set({TORCH!r}) & set(sys.modules))
        assert not loaded, loaded
        window.close()
    """
    output(code, SEGSTUDIO_CONFIG_DIR=str(tmp_path / "config"), SEGSTUDIO_DATA_DIR=str(tmp_path / "data"))


def test_first_window_imports_nothing_heavy(tmp_path):
    code = """
        import sys
        from segstudio.gui.main import make_application, open_window
        app = make_application()
        window = open_window([])
        heavy = {"sqlalchemy", "pyqtgraph", "tifffile", "imagecodecs", "skimage", "scipy", "torch", "PIL"}
        assert not heavy & set(sys.modules), sorted(heavy & set(sys.modules))
        window.close()
    """
    output(code, SEGSTUDIO_CONFIG_DIR=str(tmp_path / "config"), SEGSTUDIO_DATA_DIR=str(tmp_path / "data"))


def test_packages_re_export_nothing():
    """A package's ``__init__`` that imports makes every import below it heavy."""
    root = Path(segstudio.__file__).parent
    names = [info.name for info in pkgutil.walk_packages([str(root)], "segstudio.") if info.ispkg]
    assert len(names) > 8
    for file in root.rglob("__init__.py"):
        lines = [
            line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(("import ", "from "))
        ]
        assert all("__future__" in line for line in lines), f"{file} imports {lines}"

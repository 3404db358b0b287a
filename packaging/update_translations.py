"""Collect every text that the window shows into ``resources/i18n/*.ts`` and compile them to ``.qm``.

``tr("…")`` of ``segstudio.gui.i18n`` and ``self.tr("…")`` are read from the sources; the tables of ``segstudio.app`` are
imported. Translations already in a ``.ts`` file are kept; texts that are gone are dropped. Run it after changing a text::

    python packaging/update_translations.py            # update and compile
    python packaging/update_translations.py --check    # exit code 1 if a text is missing or untranslated
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "i18n"
LANGUAGES = ("zh_CN",)
GUI_CONTEXT = "gui"
Key = tuple[str, str]
STAGES = ("Loading the model", "Loading the click model", "Looking at the picture", "Segmenting", "Refining", "Reading the labels")
"""What a process of the program says it is at, shown as it comes."""


def collect() -> dict[Key, bool]:
    """(context, text) → whether it has plural forms, in a stable order."""
    found: dict[Key, bool] = {}
    for file in sorted((ROOT / "segstudio" / "gui").rglob("*.py")):
        _Collector(found).visit(ast.parse(file.read_text(encoding="utf-8"), str(file)))
    for file in sorted((ROOT / "segstudio" / "app").rglob("*.py")):
        for text in sentences(ast.parse(file.read_text(encoding="utf-8"), str(file))):
            found.setdefault((GUI_CONTEXT, text), False)
    for key in table_texts():
        found.setdefault(key, False)
    return found


def sentences(tree: ast.AST) -> list[str]:
    """What the app floor says to the user in fixed words: ``say("…")`` and ``problem = "…"``."""
    found = []
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("say", "emit"):
            values = node.args[:1]
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "problem" for t in node.targets):
            values = [node.value]
        elif isinstance(node, ast.Module):
            # A sentence that has a name, since it is said in several places.
            named = [one for one in node.body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)]
            values = [one.value for one in named if isinstance(one.value.value, str) and one.value.value.endswith(".")]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "DataSummary":
            values = node.args[-1:]
        for value in values:
            for one in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and " " in one.value:
                    found.append(one.value)
    return found


class _Collector(ast.NodeVisitor):
    def __init__(self, found: dict[Key, bool]) -> None:
        self._found = found
        self._classes: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()

    def visit_Call(self, node: ast.Call) -> None:
        text = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if isinstance(text, str) and text:
            if isinstance(node.func, ast.Name) and node.func.id == "tr":
                plural = len(node.args) > 1 or any(keyword.arg == "n" for keyword in node.keywords)
                self._add(GUI_CONTEXT, text, plural)
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "tr":
                self._add(self._classes[-1] if self._classes else GUI_CONTEXT, text, False)
        elif isinstance(text, type(None)) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args:
            # tr(a if b else c)
            if isinstance(node.args[0], ast.IfExp):
                for branch in (node.args[0].body, node.args[0].orelse):
                    if isinstance(branch, ast.Constant) and isinstance(branch.value, str):
                        self._add(GUI_CONTEXT, branch.value, False)
        self.generic_visit(node)

    def _add(self, context: str, text: str, has_plural: bool) -> None:
        key = (context, text)
        self._found[key] = self._found.get(key, False) or has_plural


def table_texts() -> list[Key]:
    """Texts of the app's tables, of the tables in the window, and sentences of the app floor."""
    sys.path.insert(0, str(ROOT))
    from segstudio.app.actions import ACTIONS, MENUS
    from segstudio.app.presenters.catalog import KINDS, STATES
    from segstudio.app.presenters.progress import ADVICE
    from segstudio.app.presenters.training_evaluation import CLASS_COLUMNS, IMAGE_COLUMNS, SUMMARY
    from segstudio.app.presenters.training_field_table import FIELDS, SECTIONS
    from segstudio.app.settings import SETTINGS
    from segstudio.gui.dialogs.format_texts import CHOICES, FORMATS, OPTIONS, READER_OPTIONS
    from segstudio.gui.dialogs.import_tables import KINDS as IMPORT_KINDS
    from segstudio.gui.docks import PANELS
    from segstudio.gui.panels.model_chooser import GROUPS
    from segstudio.gui.panels.train_choices import LOSS_TIPS, LOSS_TITLES
    from segstudio.gui.panels.train_editors import PART_TITLES
    from segstudio.gui.panels.train_texts import UNITS
    from segstudio.ml.advice import ENCODERS, MODELS, NETWORKS
    from segstudio.ml.classic.table import METHODS
    from segstudio.ml.model_options import PRUNE_HELP
    from segstudio.ml.model_options import SEMANTIC as MODEL_OPTIONS
    from segstudio.ml.networks.options import OPTIONS as NETWORK_OPTIONS
    from segstudio.ml.networks.table import ARCHITECTURES
    from segstudio.ml.refine.table import METHODS as REFINEMENTS
    from segstudio.ml.training.augment_table import OPTIONS as AUGMENT_OPTIONS
    from segstudio.ml.training.augment_table import PRESETS

    texts: list[Key] = [("tables.actions", name) for name in MENUS]
    for spec in ACTIONS:
        texts += [("tables.actions", text) for text in (spec.text, spec.tip, spec.submenu)]
    for setting in SETTINGS:
        if setting.title:
            choices = setting.choices or (("auto", "cpu", "cuda", "mps") if setting.key == "model.device" else ())
            texts += [("tables.settings", text) for text in (setting.title, setting.group, setting.help, *choices)]
    texts += [("tables.app", text) for text in (*(spec.title for spec in PANELS), *ADVICE.values())]
    texts += [(GUI_CONTEXT, text) for _, title, about in FORMATS for text in (title, about)]
    texts += [(GUI_CONTEXT, title) for rows in (*OPTIONS.values(), *READER_OPTIONS.values()) for _, title, _ in rows]
    texts += [(GUI_CONTEXT, text) for text in IMPORT_KINDS.values()]
    texts += [(GUI_CONTEXT, text) for rows in CHOICES.values() for text, _ in rows]
    texts += [(GUI_CONTEXT, title) for _, title in (*GROUPS, *KINDS, *STATES)]
    texts += [(GUI_CONTEXT, text) for text in (*LOSS_TITLES.values(), *LOSS_TIPS.values())]
    for option in (option for method in (*METHODS, *REFINEMENTS) for option in method.options if not option.is_minor):
        texts += [(GUI_CONTEXT, text) for text in (option.title, option.help, *option.choices)]
    texts += [(GUI_CONTEXT, text) for option in MODEL_OPTIONS for text in (option.title, option.help)]
    for option in (option for rows in NETWORK_OPTIONS.values() for _, option in rows):
        texts += [(GUI_CONTEXT, text) for text in (option.title, option.help, *option.choices)]
    texts += [(GUI_CONTEXT, spec.description) for spec in ARCHITECTURES.values()]
    texts += [(GUI_CONTEXT, text) for method in REFINEMENTS for text in (method.name, method.description)]
    texts += [(GUI_CONTEXT, text) for advice in (NETWORKS, ENCODERS, MODELS) for text in advice.values()]
    texts += [(GUI_CONTEXT, text) for text in (PRUNE_HELP, *STAGES)]
    texts += [(GUI_CONTEXT, text) for text in (*PART_TITLES.values(), *UNITS.values(), "on", "off")]
    texts += [(GUI_CONTEXT, text) for row in (*SECTIONS, *SUMMARY) for text in row[-2:]]
    texts += [(GUI_CONTEXT, title) for _, title in (*CLASS_COLUMNS, *IMAGE_COLUMNS)]
    texts += [(GUI_CONTEXT, text) for option in AUGMENT_OPTIONS for text in (option.title, option.help)]
    texts += [(GUI_CONTEXT, text) for _, title, about in PRESETS for text in (title, about)]
    for field in FIELDS:
        texts += [(GUI_CONTEXT, text) for text in (field.title, field.help, field.unit, field.zero)]
        texts += [(GUI_CONTEXT, title) for _, title in field.choices]
    return [key for key in dict.fromkeys(texts) if key[1]]


def read_ts(file: Path) -> dict[Key, str]:
    """The translations of a file; {} when there is none."""
    if not file.is_file():
        return {}
    known: dict[Key, str] = {}
    for context in ET.parse(file).getroot().iter("context"):
        name = context.findtext("name", "")
        for message in context.iter("message"):
            node = message.find("translation")
            if node is None:
                continue
            text = node.findtext("numerusform") if message.get("numerus") == "yes" else node.text
            if text:
                known[(name, message.findtext("source", ""))] = text
    return known


def write_ts(file: Path, language: str, texts: dict[Key, bool], known: dict[Key, str]) -> list[str]:
    """Write a file; the texts that have no translation yet."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    missing: list[str] = []
    for name in dict.fromkeys(context for context, _ in texts):
        context = ET.SubElement(root, "context")
        ET.SubElement(context, "name").text = name
        for (where, text), has_plural in texts.items():
            if where != name:
                continue
            message = ET.SubElement(context, "message")
            if has_plural:
                message.set("numerus", "yes")
            ET.SubElement(message, "source").text = text
            node = ET.SubElement(message, "translation")
            translation = known.get((name, text), "")
            if not translation:
                node.set("type", "unfinished")
                missing.append(text)
            if has_plural:
                ET.SubElement(node, "numerusform").text = translation
            else:
                node.text = translation
    ET.indent(root, " ")
    body = ET.tostring(root, encoding="unicode")
    file.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")
    return missing


def compile_ts(file: Path) -> None:
    """``.ts`` → ``.qm`` with Qt's lrelease, which comes with PySide6."""
    tool = Path(sys.executable).with_name("pyside6-lrelease")
    subprocess.run([str(tool), "-silent", str(file), "-qm", str(file.with_suffix(".qm"))], check=True)


def main() -> int:
    """Update and compile, or only check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a text is not translated")
    args = parser.parse_args()
    texts = collect()
    code = 0
    for language in LANGUAGES:
        file = FOLDER / f"segstudio_{language}.ts"
        known = read_ts(file)
        if args.check:
            missing = [text for (context, text) in texts if not known.get((context, text))]
            code |= bool(missing)
        else:
            missing = write_ts(file, language, texts, known)
            compile_ts(file)
        print(f"{file.name}: {len(texts)} texts, {len(missing)} untranslated")
        for text in missing[:400] if args.check else missing[:5]:
            print("   ", repr(text))
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Languages: which there are, which is in force, and how the window's code asks for a text in it.

``packaging/update_translations.py`` collects every ``tr("…")`` and the tables of ``segstudio.app`` into
``resources/i18n/*.ts`` and compiles them.
"""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator
from PySide6.QtGui import QGuiApplication

from segstudio.io.resources import resource_path

SOURCE_LANGUAGE = "en"
CONTEXT = "gui"
TABLE_CONTEXT = "tables"
CJK_FAMILIES = ("Noto Sans CJK SC", "Microsoft YaHei UI", "PingFang SC", "Source Han Sans SC", "WenQuanYi Micro Hei")

_installed: list[QTranslator] = []
_language = SOURCE_LANGUAGE


def tr(text: str, n: int = -1) -> str:
    """*text* in the language in force; ``%n`` in it becomes *n*, ``(s)`` and ``(es)`` its plural."""
    translated = QCoreApplication.translate(CONTEXT, text, None, n)
    if n < 0:
        return translated
    for ending in ("s", "es"):  # English needs no file of its own for its plural.
        translated = translated.replace(f"({ending})", "" if n == 1 else ending)
    return translated.replace("%n", str(n))


def tr_table(table: str, text: str) -> str:
    """A text of an app table ("actions", "settings", "app") in the language in force; unknown texts stay English."""
    return QCoreApplication.translate(f"{TABLE_CONTEXT}.{table}", text) if text else ""


def available_languages() -> dict[str, str]:
    """Language code → its own name, English first; every ``segstudio_<code>.qm`` is one."""
    names = {SOURCE_LANGUAGE: "English"}
    for path in sorted(resource_path("i18n").glob("segstudio_*.qm")):
        code = path.stem.removeprefix("segstudio_")
        names[code] = _own_name(code)
    return names


def resolve_language(choice: str) -> str:
    """The language code for a setting's value: "system" is the system's where we have it, else English."""
    known = available_languages()
    if choice in known:
        return choice
    for wanted in QLocale.system().uiLanguages():
        code = wanted.replace("-", "_")
        if code in known:
            return code
        base = code.split("_")[0]
        match = next((name for name in known if name.split("_")[0] == base), None)
        # Traditional Chinese readers are better served by English than by the wrong script.
        if match and not re.search(r"Hant|_TW|_HK", code):
            return match
    return SOURCE_LANGUAGE


def current_language() -> str:
    """The code of the language in force."""
    return _language


def install_language(choice: str) -> str:
    """Put a language in force for what is built from now on; its code. Texts already shown stay."""
    global _language
    for translator in _installed:
        QCoreApplication.removeTranslator(translator)
    _installed.clear()
    _language = resolve_language(choice)
    if _language != SOURCE_LANGUAGE:
        _install(f"qtbase_{_language}", Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)))
        _install(f"segstudio_{_language}", resource_path("i18n"))
        QLocale.setDefault(QLocale(_language))
        _prefer_own_script()
    return _language


def _install(name: str, folder: Path) -> None:
    translator = QTranslator(QCoreApplication.instance())
    if translator.load(str(folder / f"{name}.qm")):
        QCoreApplication.installTranslator(translator)
        _installed.append(translator)


def _prefer_own_script() -> None:
    """Name the families for Chinese, else a Japanese face may be picked for shared characters."""
    font = QGuiApplication.font()
    font.setFamilies([font.family(), *CJK_FAMILIES])
    QGuiApplication.setFont(font)


def _own_name(code: str) -> str:
    if code == "zh_CN":
        return "简体中文"
    return QLocale(code).nativeLanguageName() or code

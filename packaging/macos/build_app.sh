#!/usr/bin/env bash
# Makes dist/segstudio.app from dist/segstudio (made by PyInstaller) on a Mac; sign and notarise it afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ -x dist/segstudio/segstudio ] || { echo "run pyinstaller packaging/pyinstaller/segstudio.spec first"; exit 1; }
version="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' segstudio/__init__.py)"
app=dist/segstudio.app/Contents
rm -rf dist/segstudio.app
mkdir -p "$app/MacOS" "$app/Resources"
cp -R dist/segstudio/. "$app/MacOS/"
sed "s/@VERSION@/$version/" packaging/macos/Info.plist > "$app/Info.plist"
python3 packaging/smoke_test.py "$app/MacOS/segstudio"

"""Brightness, bands and colours by the real mouse; pixels without data; images that have a place on the map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from canvas_stage import Stage, gradient
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shared_data import shared_data
from window_help import open_window

from segstudio.core.classes import ClassTable
from segstudio.core.display import DisplaySettings, to_rgb8
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.image_pixels import NODATA_GREYS, PROBE_SIDE
from segstudio.gui.panels.display import DisplayControls
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project
from segstudio.io.store.project import ProjectStore

RIGHT = Qt.MouseButton.RightButton
LEFT = Qt.MouseButton.LeftButton
ANY_TOOL = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def deep(width: int = 600, height: int = 400) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (1000 + 10 * x + y).astype(np.uint16)


def open_file(folder: Path, file: Path) -> Stage:
    """A stage that shows *file*."""
    made = Stage(folder, gradient(64, 64))
    report = made.session.add_images([file])
    assert report is not None and not report.failed, report
    made.session.select_image(report.added[0].id)
    return made


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, deep())
    made.canvas.one_to_one()
    made.settled()
    yield made
    made.close()


@pytest.fixture
def controls(stage: Stage) -> Iterator[DisplayControls]:
    made = DisplayControls(stage.session)
    made.resize(300, 500)
    made.show()
    stage.settled()
    yield made
    made.close()
    made.deleteLater()


def drag(stage: Stage, by: tuple[float, float], button=RIGHT, modifiers=Qt.KeyboardModifier.NoModifier, *, releases=True):
    """Press in the middle, move in five steps, release."""
    x, y = 300.0, 200.0
    stage.mouse("move", x, y, modifiers=modifiers)
    stage.mouse("press", x, y, button, modifiers)
    for step in range(1, 6):
        stage.mouse("move", x + by[0] * step / 5, y + by[1] * step / 5, modifiers=modifiers, held=button)
    if releases:
        stage.mouse("release", x + by[0], y + by[1], button, modifiers)


def shown_grey(stage: Stage, x: int, y: int) -> int:
    at = stage.at(x + 0.5, y + 0.5)
    return int(stage.picture()[int(at.y()), int(at.x()), 0])


# -- window and level ------------------------------------------------------------------------------------------------


def test_right_drag_with_the_pan_tool_changes_window_and_level(stage: Stage) -> None:
    stage.toolbox.select("pan")
    start = stage.session.shown_display
    assert start is not None and stage.session.display is None
    drag(stage, (160, -60))
    found = stage.session.display
    assert found is not None
    assert found.window == pytest.approx(start.window * np.e)
    assert found.level == pytest.approx(start.level - start.window / 5)
    meta = stage.session.meta(f"display:{stage.session.image_id}")
    assert DisplaySettings.from_json(meta) == found
    values = deep()[None]
    expected = to_rgb8(values, found)[..., 0]
    stage.toolbox.leave()
    assert shown_grey(stage, 120, 150) == expected[150, 120]
    assert shown_grey(stage, 420, 250) == expected[250, 420]


def test_every_step_is_seen_and_only_the_last_is_remembered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.toolbox.select("pan")
    written: list[str] = []
    real = stage.session.set_meta
    monkeypatch.setattr(stage.session, "set_meta", lambda key, value: (written.append(key), real(key, value)))
    seen: list[float] = []
    stage.session.display_changed.connect(lambda: seen.append(stage.session.display.window))
    drag(stage, (100, 0))
    assert len(seen) == 5 and seen == sorted(seen)
    assert [key for key in written if key.startswith("display")] == [f"display:{stage.session.image_id}"]


def test_a_drag_reads_the_tiles_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.toolbox.select("pan")
    drag(stage, (40, 0))
    stage.settled()
    reads: list[Rect] = []
    reader = stage.session.reader
    assert reader is not None
    real = reader.read
    monkeypatch.setattr(reader, "read", lambda level, z, window: (reads.append(window), real(level, z, window))[1])
    before = stage.picture()
    drag(stage, (40, 30))
    after = stage.picture()
    assert not [rect for rect in reads if rect.width != PROBE_SIDE], "only values under the pointer are read"
    assert (after != before).any()


def test_escape_takes_the_drag_back(stage: Stage) -> None:
    stage.toolbox.select("pan")
    before = stage.picture()
    drag(stage, (120, 40), releases=False)
    assert stage.session.display is not None
    stage.canvas.setFocus()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 420, 240, RIGHT)
    stage.toolbox.leave()
    assert stage.session.display is None
    assert stage.session.meta(f"display:{stage.session.image_id}") is None
    np.testing.assert_array_equal(stage.picture(), before)


def test_the_right_button_of_a_brush_is_its_size_and_with_ctrl_alt_the_levels(stage: Stage) -> None:
    stage.toolbox.select("brush")
    size = stage.settings.number("brush.size_px")
    drag(stage, (30, 0))
    assert stage.settings.number("brush.size_px") != size and stage.session.display is None
    size = stage.settings.number("brush.size_px")
    drag(stage, (30, 0), modifiers=ANY_TOOL)
    assert stage.settings.number("brush.size_px") == size and stage.session.display is not None
    assert not stage.labels().any() and stage.session.current_class_id == 1


def test_the_numbers_stand_beside_the_pointer(stage: Stage) -> None:
    stage.toolbox.select("pan")
    drag(stage, (80, 0), releases=False)
    display = stage.session.display
    assert display is not None
    preview = stage.canvas._levels.preview()
    assert preview is not None and f"{display.window:.0f}" in preview.text and f"{display.level:.0f}" in preview.text
    stage.mouse("release", 380, 200, RIGHT)
    assert stage.canvas._levels.preview() is None


# -- the panel -------------------------------------------------------------------------------------------------------


def pick(box, data) -> None:  # type: ignore[no-untyped-def]
    """Choose an item as a person does."""
    index = [box.itemData(i) for i in range(box.count())].index(data)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_the_handles_of_the_histogram_are_dragged(stage: Stage, controls: DisplayControls) -> None:
    histogram = controls.histogram
    assert histogram.has_values
    low, high = controls.presenter.shown.low, controls.presenter.shown.high
    x, target = histogram.x_of(low), histogram.x_of(low + (high - low) / 4)

    def send(kind: QMouseEvent.Type, at: float, button=LEFT, held=LEFT) -> None:
        place = QPointF(at, 30)
        event = QMouseEvent(kind, place, QPointF(histogram.mapToGlobal(QPoint(0, 0))) + place, button, held, ANY_TOOL & ~ANY_TOOL)
        QApplication.sendEvent(histogram, event)

    send(QMouseEvent.Type.MouseButtonPress, x)
    send(QMouseEvent.Type.MouseMove, (x + target) / 2, Qt.MouseButton.NoButton)
    assert stage.session.meta(f"display:{stage.session.image_id}") is None
    send(QMouseEvent.Type.MouseMove, target, Qt.MouseButton.NoButton)
    send(QMouseEvent.Type.MouseButtonRelease, target, held=Qt.MouseButton.NoButton)
    display = stage.session.display
    assert display is not None
    assert display.low == pytest.approx(low + (high - low) / 4, rel=0.02) and display.high == pytest.approx(high)
    assert stage.session.meta(f"display:{stage.session.image_id}")["low"] == display.low
    assert controls.low.value() == pytest.approx(display.low, abs=0.5)
    send(QMouseEvent.Type.MouseButtonDblClick, target)
    assert stage.session.display is None


def test_one_band_is_drawn_in_colours_and_inverted(stage: Stage, controls: DisplayControls) -> None:
    assert controls._form.isRowVisible(controls.colormap) and not controls._form.isRowVisible(controls.preset)
    pick(controls.colormap, "viridis")
    controls.inverted.click()
    display = stage.session.shown_display
    assert display is not None and display.colormap == "viridis" and display.invert
    expected = to_rgb8(deep()[None], display)[150, 120]
    stage.toolbox.leave()
    at = stage.at(120.5, 150.5)
    np.testing.assert_array_equal(stage.picture()[int(at.y()), int(at.x())], expected)
    assert len(set(expected.tolist())) > 1


def test_percentiles_are_found_for_each_image(qapp: object, tmp_path: Path) -> None:
    for name, factor in (("a", 1), ("b", 5)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), deep() * factor)
    stage = Stage(tmp_path / "stage", deep())
    controls = DisplayControls(stage.session)
    controls.show()
    try:
        stage.session.add_images([tmp_path / "a.png", tmp_path / "b.png"])
        first, a, b = (record.id for record in stage.session.images)
        stage.session.select_image(a)
        stage.settled()
        controls.shared.click()
        pick(controls.stretch, (5.0, 95.0))
        stage.settled()
        low, high = np.percentile(deep(), (5, 95))
        assert stage.session.shown_display.low == pytest.approx(low, rel=0.01)
        assert controls.high.value() == pytest.approx(high, rel=0.01)
        stage.session.select_image(b)
        stage.settled()
        assert stage.session.display is not None and stage.session.display.stretch == (5.0, 95.0)
        assert controls.low.value() == pytest.approx(5 * low, rel=0.01)
        assert controls.shared.isChecked() and controls.histogram.has_values
        assert stage.session.sample is not None and stage.session.sample.max() > 4 * deep().max()
        controls.low.setValue(2000.0)  # from now on as set, for all alike
        stage.session.select_image(first)
        stage.settled()
        assert controls.low.value() == 2000
        controls.shared.click()
        stage.session.select_image(a)
        assert stage.session.display is None
    finally:
        controls.close()
        stage.close()


def four_bands(path: Path) -> np.ndarray:
    y, x = np.mgrid[:300, :400]
    values = np.stack([x * 5, y * 7, x + y, 3000 - x * 4], axis=0).astype(np.uint16)
    tifffile.imwrite(path, np.moveaxis(values, 0, -1), photometric="minisblack", planarconfig="contig")
    return values


def test_four_bands_are_shown_in_natural_and_in_false_colours(qapp: object, tmp_path: Path) -> None:
    values = four_bands(tmp_path / "a.tif")
    stage = open_file(tmp_path / "stage", tmp_path / "a.tif")
    controls = DisplayControls(stage.session)
    controls.show()
    try:
        stage.settled()
        assert [controls.preset.itemData(i) for i in range(controls.preset.count())] == [
            "natural", "false_nir", "band:0", "band:1", "band:2", "band:3",
        ]  # fmt: skip
        assert controls.preset.currentData() == "natural"
        pick(controls.preset, "false_nir")
        controls.per_band.click()
        stage.settled()
        display = stage.session.shown_display
        assert display.bands == (3, 0, 1) and len(display.ranges) == 3
        for channel, band in enumerate(display.bands):
            assert display.ranges[channel] == pytest.approx(np.percentile(values[band], (0.5, 99.5)), rel=0.05, abs=30)
        stage.canvas.one_to_one()
        stage.toolbox.leave()
        at = stage.at(200.5, 150.5)
        np.testing.assert_array_equal(
            stage.picture()[int(at.y()), int(at.x())], to_rgb8(values, display)[150, 200]
        )
        pick(controls.preset, "band:3")
        assert stage.session.display.is_grey and controls._form.isRowVisible(controls.colormap)
        controls.bands[0].setValue(2)
        assert controls.preset.currentText() == "Own choice"
    finally:
        controls.close()
        stage.close()


def test_windows_are_offered_for_signed_sixteen_bits(qapp: object, tmp_path: Path) -> None:
    values = (deep().astype(np.int32) - 3000).astype(np.int16)
    tifffile.imwrite(tmp_path / "ct.tif", values, photometric="minisblack")
    stage = open_file(tmp_path / "stage", tmp_path / "ct.tif")
    controls = DisplayControls(stage.session)
    controls.show()
    try:
        stage.settled()
        assert controls._form.isRowVisible(controls.window_preset)
        texts = [controls.window_preset.itemText(i) for i in range(controls.window_preset.count())]
        assert texts[1] == "Lung  1500 / -600" and len(texts) == 6
        controls.window_preset.setCurrentIndex(1)
        controls.window_preset.activated.emit(1)
        assert (stage.session.display.low, stage.session.display.high) == (-1350, 150)
        assert controls.window_preset.currentIndex() == 1
        stage.session.select_image(stage.session.images[0].id)
        assert not controls._form.isRowVisible(controls.window_preset)
    finally:
        controls.close()
        stage.close()


# -- no data ---------------------------------------------------------------------------------------------------------


def nodata_file(path: Path) -> np.ndarray:
    values = deep()
    values[:, 350:] = 7
    values[300:, :] = 7
    tifffile.imwrite(path, values, photometric="minisblack", extratags=[(42113, 2, 2, "7", True)])
    return values != 7


def test_no_data_is_drawn_as_such_and_no_hand_paints_on_it(qapp: object, tmp_path: Path) -> None:
    valid = nodata_file(tmp_path / "a.tif")
    stage = open_file(tmp_path / "stage", tmp_path / "a.tif")
    try:
        stage.canvas.one_to_one()
        stage.settled()
        display = stage.session.shown_display
        assert display is not None and display.low > 900, "nodata must not count in the range"
        stage.toolbox.leave()
        picture = stage.picture()
        at = stage.at(400.0, 100.0)
        corner = picture[int(at.y()) : int(at.y()) + 40, int(at.x()) : int(at.x()) + 40]
        assert set(np.unique(corner)) == set(NODATA_GREYS)
        stage.settings.set("brush.size_px", 60.0)
        stage.toolbox.select("brush")
        stage.stroke([(300.0, 150.0), (420.0, 150.0), (300.0, 310.0)])
        stage.toolbox.select("fill")
        stage.stroke([(10.0, 10.0)])
        labels = stage.labels() == 1
        assert labels[valid].any() and not labels[~valid].any()
        stage.session.clear_labels()
        stage.toolbox.select("polygon")
        for point in ((300, 100), (500, 100), (400, 350)):
            stage.mouse("move", *point)
            stage.mouse("press", *point)
            stage.mouse("release", *point)
        stage.canvas.setFocus()
        QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
        labels = stage.labels() == 1
        assert labels[150, 345] and not labels[~valid].any()
    finally:
        stage.close()


# -- on the map ------------------------------------------------------------------------------------------------------

UTM = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32619)
EAST, NORTH, METRES = 325000.0, 4_690_000.0, 1.0


def place_tags(extra=()):  # type: ignore[no-untyped-def]
    return [
        (33550, 12, 3, (METRES, METRES, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, EAST, NORTH, 0.0), True),
        (34735, 3, len(UTM), UTM, True),
        *extra,
    ]


def write_roads(kind: str, target: Path) -> np.ndarray:
    """A photograph of the shared roads as GeoTIFF or COG; its pixels."""
    photo = sorted(shared_data("massroads", "images").glob("*.jpg"))[0]
    pixels = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    plain = target if kind == "GeoTIFF" else target.with_name("plain.tif")
    tifffile.imwrite(plain, pixels, photometric="rgb", tile=(256, 256), extratags=place_tags(), metadata=None)
    if kind == "COG":
        shutil = pytest.importorskip("rasterio.shutil")
        shutil.copy(plain, target, driver="COG", compress="deflate", blocksize=256)
    return pixels


@pytest.mark.parametrize("kind", ["GeoTIFF", "COG"])
def test_roads_are_shown_labelled_reopened_and_exported_with_their_place(
    qapp: object, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "roads.tif"
    pixels = write_roads(kind, file)
    stage = open_file(tmp_path / "stage", file)
    height, width = pixels.shape[:2]
    try:
        stage.canvas.one_to_one()
        stage.toolbox.leave()
        picture = stage.picture()
        rect = stage.canvas.visible_rect()
        middle = rect.x + rect.width // 2, rect.y + rect.height // 2
        at = stage.at(middle[0] + 0.5, middle[1] + 0.5)
        np.testing.assert_array_equal(picture[int(at.y()), int(at.x())], pixels[middle[1], middle[0]])
        stage.settings.set("brush.size_px", 40.0)
        stage.stroke([middle, (middle[0] + 100, middle[1] + 30)])
        labels = stage.labels()
        assert labels.any()
    finally:
        stage.close()
    with ProjectStore.open(tmp_path / "stage" / "project") as store:
        record = store.images()[-1]
        np.testing.assert_array_equal(store.labels_layer(record.id).read_classes(Rect(0, 0, width, height)), labels)
        export_project(store, ExportPlan("geotiff", tmp_path / "masks", image_ids=[record.id]))
        export_project(store, ExportPlan("geojson", tmp_path / "polygons", image_ids=[record.id]))
    rasterio = pytest.importorskip("rasterio")
    from rasterio.features import rasterize

    with rasterio.open(tmp_path / "masks" / "masks" / "roads.tif") as mask, rasterio.open(file) as image:
        assert tuple(mask.transform)[:6] == (METRES, 0.0, EAST, 0.0, -METRES, NORTH)
        assert mask.crs == image.crs and mask.crs.to_epsg() == 32619
        np.testing.assert_array_equal(mask.read(1), labels)
        place = image.transform
    import json

    features = json.loads((tmp_path / "polygons" / "roads.geojson").read_text())["features"]
    drawn = rasterize([(f["geometry"], 1) for f in features], labels.shape, transform=place)
    np.testing.assert_array_equal(drawn, labels)


def test_the_status_line_tells_the_place(qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tifffile.imwrite(tmp_path / "a.tif", gradient(400, 300), photometric="rgb", extratags=place_tags(), metadata=None)
    cv2.imwrite(str(tmp_path / "b.png"), gradient(400, 300))
    with open_window(qtbot) as window:
        session = window.session
        assert session.create_project(tmp_path / "project", ClassTable().added("road"))
        session.add_images([tmp_path / "a.tif", tmp_path / "b.png"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        canvas, line = window.workspace.canvas, window.status_line
        left, top = canvas.view.to_view(120.2, 80.7)
        at = QPointF(left / canvas.ratio, top / canvas.ratio)
        whole = QPointF(canvas.mapToGlobal(QPoint(0, 0))) + at
        none = Qt.MouseButton.NoButton
        move = QMouseEvent(QMouseEvent.Type.MouseMove, at, whole, none, none, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, move)
        assert line.texts()["position"] == "x 120  y 80"
        assert line.texts()["place"] == f"{EAST + 120.5:.1f}, {NORTH - 80.5:.1f}"
        session.select_image(session.images[1].id)
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        assert line.texts()["place"] == ""

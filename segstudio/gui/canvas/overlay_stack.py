"""All overlays of the canvas: labels, proposal, difference and heat map, as the session's style wants them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.overlay_colors import LayerColors, difference_lut, heat_lut, layer_colors
from segstudio.gui.canvas.overlay_painters import DifferencePainter, HeatPainter, LabelsPainter, ProposalPainter
from segstudio.gui.canvas.overlay_tiles import OverlayTiles
from segstudio.gui.canvas.tile_drawing import Pace
from segstudio.gui.canvas.unseen import UnseenVeil, ratio_of

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from segstudio.app.overlay_style import OverlayStyle
    from segstudio.app.session import Session
    from segstudio.core.layers import LabelLayer
    from segstudio.gui.canvas.swipe import SwipeLayers
    from segstudio.gui.canvas.view_transform import ViewTransform


class _Colored:
    """A layer's colour tables, made anew only when something they rest on changed."""

    def __init__(self) -> None:
        self.colors: LayerColors | None = None
        self._inputs: tuple[object, ...] = ()
        self._revision = -1
        self._layer: LabelLayer | None = None
        self._ids = np.zeros(0, np.int64)

    def update(
        self, layer: LabelLayer, session: Session, opacity: float, solid: float, highlight: int
    ) -> tuple[LayerColors, bool]:
        """(tables, whether pictures made with the former ones hold good)."""
        active = session.active_object if layer is session.labels else None
        inputs = (session.classes, opacity, solid, highlight, active)
        is_same_look = layer is self._layer and inputs == self._inputs
        if self.colors is not None and is_same_look and layer.segments_revision == self._revision:
            return self.colors, True
        colors = layer_colors(
            layer,
            session.classes,
            opacity=opacity,
            solid_opacity=solid,
            highlight_class_id=highlight,
            active_segment_id=active,
        )
        ids = np.fromiter(layer.segments.keys(), np.int64, len(layer.segments))
        # A new segment alone changes no picture: none of its pixels are there yet.
        common = ids[np.isin(ids, self._ids, kind="table")] if ids.size and self._ids.size else ids[:0]
        holds = layer is self._layer and self.colors is not None and _agree(self.colors, colors, common)
        self.colors, self._inputs, self._revision = colors, inputs, layer.segments_revision
        self._layer, self._ids = layer, ids
        return colors, holds


def _agree(old: LayerColors, new: LayerColors, ids: np.ndarray) -> bool:
    return all(
        np.array_equal(before[ids], after[ids])
        for before, after in ((old.fill, new.fill), (old.solid, new.solid), (old.outline_key, new.outline_key))
    )


class OverlayStack:
    """The overlays in drawing order. :meth:`refresh` before each frame is cheap when nothing changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.labels = OverlayTiles()
        self.proposal = OverlayTiles()
        self.difference = OverlayTiles()
        self.heat = OverlayTiles()
        self._colored_labels = _Colored()
        self._colored_proposal = _Colored()
        self._others: dict[int, tuple[OverlayTiles, _Colored]] = {}
        self._below: tuple[OverlayTiles, ...] = ()
        self._above: tuple[OverlayTiles, ...] = ()
        self._painted_by: dict[OverlayTiles, tuple[object, ...]] = {}
        self._level_scale = 0.75
        self.highlight_class_id = UNLABELLED
        self._veil = UnseenVeil(session)
        self.swipe: SwipeLayers | None = None
        """Two answers that are being compared: they take the place of the other overlays."""

    def clear(self) -> None:
        """Another image: forget every picture."""
        for tiles in self._all:
            tiles.clear()
            tiles.set_painter(None)
        self._painted_by.clear()
        self._colored_labels, self._colored_proposal = _Colored(), _Colored()
        self._others.clear()
        self._below = self._above = ()

    @property
    def _all(self) -> tuple[OverlayTiles, ...]:
        return (self.heat, *self._below, self.labels, *self._above, self.proposal, self.difference)

    @property
    def nbytes(self) -> int:
        """Memory of all pictures."""
        return sum(tiles.nbytes for tiles in self._all)

    def change(self, layer_id: int, rect: Rect) -> bool:
        """A layer changed in *rect* (image pixels); False when it is none of those shown."""
        labels, proposal = self._session.labels, self._session.proposal
        if labels is not None and layer_id == labels.id:
            self.labels.change(rect)
            self.difference.change(rect)
            return True
        if proposal is not None and layer_id == proposal.id:
            for tiles in (self.proposal, self.difference, self.heat):
                tiles.change(rect)
            return True
        if layer_id in self._others:
            self._others[layer_id][0].change(rect)
            return True
        return False

    def reach_px(self, ratio: float) -> int:
        """By how many physical view pixels a change of a layer is seen beyond itself."""
        return round(2 * self._session.overlay.outline_width_px * ratio) + 3

    def draw(
        self, painter: QPainter, view: ViewTransform, clip_px: Rect, deadline_s: float, pace: Pace = Pace.STILL
    ) -> bool:
        """Draw what is shown in *clip_px*; False when some is still to be made (draw again soon)."""
        is_complete = True
        for tiles in self._all:
            is_complete &= tiles.draw(painter, view, clip_px, deadline_s, pace)
        if self.swipe is not None:
            is_complete &= self.swipe.draw(painter, view, clip_px, deadline_s, pace)
        self._veil.draw(painter, view, ratio_of(painter))
        return is_complete

    def prepare(self, view: ViewTransform, deadline_s: float, pace: Pace = Pace.STILL) -> tuple[list[Rect], bool]:
        """Make what is still missing, between two frames; see :meth:`OverlayTiles.prepare`."""
        made: list[Rect] = []
        is_complete = True
        for tiles in (*self._all, *(() if self.swipe is None else self.swipe.tiles)):
            if pace != Pace.STILL and made and time.perf_counter() >= deadline_s:
                return made, False
            some, is_whole = tiles.prepare(view, deadline_s, pace)
            made += some
            is_complete &= is_whole
        return made, is_complete

    # -- style ---------------------------------------------------------------------------------------------------

    def refresh(self, view: ViewTransform, ratio: float, pace: Pace = Pace.STILL) -> None:
        """Bring every overlay's painter in line with session, style and zoom.

        While the zoom is moving the width of lines may wait, for another width makes every picture anew.
        """
        session, style = self._session, self._session.overlay
        labels, proposal = session.labels, session.proposals.shown
        if pace == Pace.STILL:
            self._level_scale = view.zoom * 2.0**view.fine_level
        level_scale = self._level_scale
        width = max(1, round(style.outline_width_px * ratio / level_scale))
        rim = max(1, round(1.5 * ratio / level_scale))
        shows_below = not style.is_hidden
        if self.swipe is not None:
            self.swipe.refresh(style, width, rim)
            shows_below &= self.swipe.shows_labels
        shows = not style.is_hidden and self.swipe is None
        shows_difference = shows and style.shows_difference and proposal is not None and labels is not None
        shows_heat = shows and style.heat != "none" and proposal is not None

        shows_labels = shows_below and style.shows_labels and not shows_difference
        is_seen = shows_labels and session.layer_editor.is_active_visible
        self._refresh_labels(labels if is_seen else None, style, width)
        self._refresh_others(style, width, shows_labels)
        shows_proposal = shows and style.shows_proposal and not shows_difference and not shows_heat
        self._refresh_proposal(proposal if shows_proposal else None, style, width, rim)
        self._refresh_difference(labels, proposal, style, shows_difference)
        self._refresh_heat(proposal if shows_heat else None, style)

    def _refresh_labels(self, layer: LabelLayer | None, style: OverlayStyle, width: int) -> None:
        if layer is None:
            self._hide(self.labels)
            return
        self._show_labels(self.labels, self._colored_labels, layer, style, width)

    def _refresh_others(self, style: OverlayStyle, width: int, shows: bool) -> None:
        """The label layers that are not worked on, beneath and above the one that is."""
        below, above = self._session.layer_editor.others() if shows else ([], [])
        kept = {layer.id: self._others.get(layer.id) or (OverlayTiles(), _Colored()) for layer in (*below, *above)}
        for layer_id in self._others.keys() - kept.keys():
            self._painted_by.pop(self._others[layer_id][0], None)
        self._others = kept
        for layer in (*below, *above):
            self._show_labels(*kept[layer.id], layer, style, width)
        self._below = tuple(kept[layer.id][0] for layer in below)
        self._above = tuple(kept[layer.id][0] for layer in above)

    def _show_labels(
        self, tiles: OverlayTiles, colored: _Colored, layer: LabelLayer, style: OverlayStyle, width: int
    ) -> None:
        outline = width if style.mode == "outline" else None
        solid = min(1.0, 0.35 + 0.65 * style.opacity) if style.opacity else 0.0
        colors, holds = colored.update(layer, self._session, style.opacity, solid, self.highlight_class_id)
        key = (layer, outline, self._session.plane)
        painter = LabelsPainter(layer, colors, outline_width=outline, z=self._session.plane)
        self._show(tiles, key, colors, holds, painter)

    def _refresh_proposal(self, layer: LabelLayer | None, style: OverlayStyle, width: int, rim: int) -> None:
        if layer is None:
            self._hide(self.proposal)
            return
        is_filled = style.mode == "fill"
        solid = min(1.0, 0.2 + 0.8 * style.opacity) if style.opacity else 0.0
        colors, holds = self._colored_proposal.update(
            layer, self._session, style.opacity * 0.4, solid, self.highlight_class_id
        )
        line = rim if is_filled else width
        threshold = self._session.min_confidence
        key = (layer, is_filled, line, threshold, self._session.plane)
        painter = ProposalPainter(
            layer, colors, min_confidence=threshold, outline_width=line, is_filled=is_filled, z=self._session.plane
        )
        self._show(self.proposal, key, colors, holds, painter)

    def _refresh_difference(
        self, labels: LabelLayer | None, proposal: LabelLayer | None, style: OverlayStyle, shows: bool
    ) -> None:
        if not shows or labels is None or proposal is None:
            self._hide(self.difference)
            return
        threshold, plane = self._session.min_confidence, self._session.plane
        opacity = min(1.0, 0.25 + 0.75 * style.opacity)
        revisions = (labels.segments_revision, proposal.segments_revision)
        key = (labels, proposal, threshold, plane, opacity, revisions)
        painter = DifferencePainter(labels, proposal, difference_lut(opacity), min_confidence=threshold, z=plane)
        self._show(self.difference, key, None, True, painter)

    def _refresh_heat(self, layer: LabelLayer | None, style: OverlayStyle) -> None:
        if layer is None:
            self._hide(self.heat)
            return
        key = (layer, style.heat, style.opacity, self._session.plane)
        if self._painted_by.get(self.heat) == key:
            self.heat.is_shown = True
            return
        lut = heat_lut(style.opacity, is_uncertainty=style.heat == "uncertainty")
        self._show(self.heat, key, None, True, HeatPainter(layer, lut, z=self._session.plane))

    def _show(
        self,
        tiles: OverlayTiles,
        key: tuple[object, ...],
        colors: LayerColors | None,
        holds: bool,
        painter: LabelsPainter | ProposalPainter | DifferencePainter | HeatPainter,
    ) -> None:
        tiles.is_shown = True
        is_same = self._painted_by.get(tiles) == key
        if is_same and holds and (colors is None or getattr(tiles.painter, "colors", None) is colors):
            return
        tiles.set_painter(painter, keeps_tiles=is_same and holds)
        self._painted_by[tiles] = key

    def _hide(self, tiles: OverlayTiles) -> None:
        tiles.is_shown = False

"""The catalog as the window shows it: rows, favourites, costs at the open image, what a choice sets."""

from __future__ import annotations

import pytest

from segstudio.app.presenters.catalog import CatalogPresenter, kind_of
from segstudio.app.presenters.favourites import favourites, set_favourite
from segstudio.app.presenters.models import ModelsPresenter
from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.ml.networks.costs import costs_of
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS


@pytest.fixture
def presenter(session: Session) -> CatalogPresenter:
    return CatalogPresenter(ModelsPresenter(session))


def test_everything_is_listed_in_groups_with_favourites_first(session: Session, presenter: CatalogPresenter) -> None:
    ids = [entry.card.id for entry in presenter.rows()]
    assert {*ARCHITECTURES, *(f"encoder/{name}" for name in ENCODERS), "classic/otsu", "nuclei"} <= set(ids)
    kinds = [kind_of(entry) for entry in presenter.rows()]
    assert kinds == sorted(kinds, key=kinds.index), "each kind in one piece"
    assert presenter.toggle_favourite("vessels") and presenter.toggle_favourite("hrnet")
    ids = [entry.card.id for entry in presenter.rows()]
    assert ids[0] == "vessels" and ids.index("hrnet") < ids.index("unet")
    assert [entry.card.id for entry in presenter.rows(state="favourite")] == ["vessels", "hrnet"]
    assert [entry.card.id for entry in presenter.rows("semantic", "favourite")] == ["vessels"]
    assert {kind_of(entry) for entry in presenter.rows(state="train")} == {"network"}
    assert "encoder/resnet50" in [entry.card.id for entry in presenter.rows("encoder")]


def test_favourites_are_kept_in_the_settings(session: Session) -> None:
    set_favourite(session.settings, "a b", True)
    set_favourite(session.settings, "ö", True)
    set_favourite(session.settings, "a b", True)
    assert favourites(Settings()) == ["ö", "a b"], "another window reads the same file"
    set_favourite(session.settings, "ö", False)
    assert favourites(session.settings) == ["a b"]
    session.settings.set("model.favourites", "[broken")
    assert favourites(session.settings) == []


def test_costs_are_those_of_the_open_image(session: Session, presenter: CatalogPresenter) -> None:
    unet = presenter.entry("unet")
    assert unet is not None and session.image is not None
    costs, image = presenter.costs(unet), presenter.image_costs(unet)
    # 400 × 300 and a margin of 32 px all round fit one tile, padded to the stride.
    assert costs == costs_of("unet", "efficientnet_lite0", 3, 3, 384, 480) and image is not None and image.windows == 1
    session.settings.set("model.window_px", 128)
    session.settings.set("model.overlap_px", 32)
    image = presenter.image_costs(unet)
    assert image is not None and (image.window.width, image.window.height) == (128, 128)
    assert image.windows == 5 * 4 and image.multiply_adds == 20 * image.window.multiply_adds
    other = presenter.costs(unet, "resnet50")
    assert other is not None and other.parameters > 2 * image.window.parameters
    otsu = presenter.entry("classic/otsu")
    assert otsu is not None and presenter.image_costs(otsu) is None


def test_what_training_is_set_to(presenter: CatalogPresenter) -> None:
    def choices(model_id: str, **more: str) -> dict[str, str]:
        entry = presenter.entry(model_id)
        assert entry is not None and presenter.can_train(entry)
        return presenter.training_choices(entry, **more)

    assert choices("hrnet", encoder="hrnet_w32") == {"arch": "hrnet", "encoder": "hrnet_w32", "start_from": ""}
    assert choices("encoder/resnet50", current_arch="pspnet")["arch"] == "pspnet"
    assert choices("encoder/vgg16", current_arch="enet") == {"arch": "unet", "encoder": "vgg16", "start_from": ""}
    assert choices("nuclei")["start_from"] == "nuclei"
    for model_id in ("classic/otsu", "torchvision/fcn_resnet50"):
        entry = presenter.entry(model_id)
        assert entry is not None and not presenter.can_train(entry)

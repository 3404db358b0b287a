"""Every field of a plan can be chosen, is explained, remembered and checked, with the sentence at the field to blame."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from segstudio.app.presenters.training import TrainingPresenter
from segstudio.app.presenters.training_choices import TrainingChoices, default_of, loaded
from segstudio.app.presenters.training_faults import in_the_window
from segstudio.app.presenters.training_field_table import BY_KEY, FIELDS, IN_PANEL, NOT_FOR_PEOPLE, SECTIONS
from segstudio.app.presenters.training_fields import is_in_use, plain_dict
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.plan import TrainPlan
from tests.unit.app.conftest import paint

OTHER = {
    "val_fraction": 0.3, "split_by": "group", "group_by": "folder", "block_px": 512, "fold": (1, 5), "ignored_as": "road", "is_leak_allowed": True, "seed": 7,
    "patch_px": 128, "working_long_side_px": 640, "patches_per_image": 9, "sampling": "balanced", "patch_depth": 16, "slices": 3,
    "scale": (0.9, 1.1), "augment": "overhead", "augment_options": {"elastic": 0.5}, "augment_on": "cpu", "mix": "cutmix", "mix_share": 0.25,
    "loss": "ce+0.5*lovasz", "class_balance": "median", "class_weights": (1.0, 4.0), "border_weight": (10.0, 5.0), "aux_weights": (0.4,), "source_weights": (1.0, 0.5, 0.2),
    "epochs": 3, "patience": 0, "max_minutes": 5.0, "batch": 2, "accumulate": 4, "optimiser": "sgd", "momentum": 0.8, "is_nesterov": True, "lr": 0.01,
    "encoder_lr_factor": 0.1, "weight_decay": 0.0, "schedule": "step", "warmup_share": 0.0, "poly_power": 1.0, "step_epochs": 4,
    "step_factor": 0.5, "clip_norm": 0.0, "ema_decay": 0.99, "device": "cpu", "precision": "fp32", "is_channels_last": False,
    "is_compiled": True, "workers": 1, "threads": 1, "processes": 2, "name": "mine", "description": "what for", "data_name": "drone", "data_licence": "CC0",
    "is_research_only": True, "validate_every": 2, "checkpoint_minutes": 1.5, "has_tensorboard": False, "visdom": "http://localhost:8097",
}  # fmt: skip
"""A value other than the default for every row of the table."""


@pytest.fixture
def presenter(session) -> TrainingPresenter:
    for image_id in (1, 2):
        session.select_image(image_id)
        paint(session, Rect(0, 0, 10, 10), 1)
    return TrainingPresenter(session)


def test_every_field_of_a_plan_is_in_the_window_or_known_not_to_be():
    named = [field.key for field in FIELDS]
    assert len(named) == len(set(named)) == len(OTHER)
    known = {*named, *IN_PANEL, *NOT_FOR_PEOPLE}
    assert {f.name for f in fields(TrainPlan)} == known - {"name"}
    assert not set(named) & {*IN_PANEL, *NOT_FOR_PEOPLE}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.key)
def test_each_row_is_explained_and_its_default_fits(field):
    assert field.title and field.section in dict(SECTIONS) and field.help.endswith(".") and len(field.help) < 190
    default = default_of(field.key)
    if field.kind in ("integer", "number"):
        assert field.low <= default <= field.high and (default != 0 or field.low == 0)
        assert isinstance(default, int) == (field.kind == "integer")
    if field.kind == "choice":
        assert default in dict(field.choices)
    if field.kind in ("numbers", "fold", "text"):
        assert field.read(field.text_of(default)) == default
        assert not field.example or field.kind == "text" or field.read(field.example)
    if field.only_with[0]:
        assert field.only_with[0] in BY_KEY


def test_each_row_reaches_the_plan_is_remembered_and_put_back(presenter):
    for field in FIELDS:
        presenter.choose(**{field.key: OTHER[field.key]})
        assert presenter.changed_keys() == [field.key]
        draft = presenter.draft()
        assert draft.model_name == "mine" if field.key == "name" else getattr(draft, field.key) == OTHER[field.key]
        again = TrainingPresenter(presenter.session)  # the next window
        assert again.value(field.key) == OTHER[field.key] and again.choices == presenter.choices
        assert json.loads(json.dumps(plain_dict(presenter.choices)))
        presenter.reset(field.key)
        assert presenter.choices == TrainingChoices() and not presenter.choices.more


def test_all_of_them_together_are_a_plan_that_can_be_worked_with(presenter):
    presenter.choose(**{**OTHER, "patch_depth": 0, "augment_options": {}})
    assert presenter.faults() == {}
    plan = presenter.plan()
    assert plan is not None and plan.loss == "ce+0.5*lovasz" and plan.out.endswith("runs/mine")


def test_an_old_or_broken_memory_is_no_obstacle():
    assert loaded({"epochs": 3, "lr": 1}).epochs == 3  # of 0.2: no "more"
    kept = {
        "more": {
            "momentum": "fast",
            "scale": [0.9, "x"],
            "mix": "unheard",
            "slices": True,
            "gone": 1,
            "fold": [2, 5],
            "epochs": 9,
        }
    }
    assert loaded(kept) == TrainingChoices(more={"fold": (2, 5)})
    for broken in ("text", None, {"more": 3}, {"more": {"augment_options": 4}}):
        assert loaded(broken) == TrainingChoices()


def test_what_cannot_be_is_said_at_the_field_to_blame(presenter):
    for values, blamed, wanted in (
        ({"patch_depth": 16}, "patch_depth", "“Neighbouring planes as bands”"),
        ({"slices": 4}, "slices", "odd number"),
        ({"fold": (6, 5)}, "fold", "1/5"),
        ({"loss": "lovasz", "class_balance": "median"}, "class_balance", ""),
        ({"loss": "ce+nonsense"}, "loss", "nonsense"),
        ({"scale": (1.4, 0.7)}, "scale", "smaller first"),
        ({"class_weights": (1.0, 2.0, 3.0)}, "class_weights", "background, road"),
        ({"ignored_as": "tree"}, "ignored_as", "tree"),
        ({"split_by": "group"}, "group_by", "folder"),
    ):
        for key, value in values.items():
            presenter.choose(**{key: value})
        assert presenter.faults().keys() == {blamed}
        assert wanted in presenter.faults()[blamed] and "--" not in presenter.faults()[blamed]
        assert presenter.plan() is None
        presenter.reset(*values)


def test_several_faults_are_found_at_once_and_the_first_stops_the_start(presenter, said):
    presenter.choose(slices=2, fold=(9, 5), epochs=4)
    assert presenter.faults().keys() == {"slices", "fold"}
    assert presenter.plan() is None and said[-1] in presenter.faults().values()
    presenter.reset("slices", "fold")
    assert presenter.faults() == {} and presenter.plan() is not None


def test_options_of_the_command_line_are_named_as_in_the_window():
    assert in_the_window("Give --size 256 or less.") == "Give “Patch” 256 or less."
    assert in_the_window("Choose vnet, or --unheard.") == "Choose vnet, or --unheard."


def test_what_is_typed_is_read_or_refused():
    scale, fold, weights = BY_KEY["scale"], BY_KEY["fold"], BY_KEY["class_weights"]
    assert (scale.read(" 0.5,2 "), fold.read("2/5"), weights.read("1; 2"), weights.read(" ")) == (
        (0.5, 2.0),
        (2, 5),
        (1.0, 2.0),
        (),
    )
    for field, text in ((scale, "1"), (scale, "a, b"), (fold, "one of five"), (weights, "1 2")):
        with pytest.raises(UserError):
            field.read(text)


def test_search_finds_by_all_words_in_title_help_key_and_choices():
    def found(text):
        return {field.key for field in FIELDS if field.matches(text)}

    assert "optimiser" in found("sgd") and "ema_decay" in found("averaged") and found("learning RATE") >= {"lr"}
    assert found("group patient") == {"split_by", "group_by"} and found("zzz") == set()


def test_what_changes_nothing_is_known():
    values = {field.key: default_of(field.key) for field in FIELDS}
    idle = {field.key for field in FIELDS if not is_in_use(field, values)}
    assert idle == {"group_by", "block_px", "mix_share", "momentum", "is_nesterov", "step_epochs", "step_factor"}
    assert is_in_use(BY_KEY["momentum"], {**values, "optimiser": "sgd"})


def test_equal_choices_are_equal_whatever_they_went_through():
    there_and_back = TrainingChoices().changed(momentum=0.5, epochs=4).changed(momentum=0.9)
    assert there_and_back == replace(TrainingChoices(), epochs=4) and there_and_back.more == {}
    with pytest.raises(KeyError):
        TrainingChoices().changed(out="elsewhere")

"""The class table: names, values, colours, and changes that meet."""

from __future__ import annotations

import pytest

from segstudio.core.classes import PALETTE, ClassDef, ClassTable, parse_class_names
from segstudio.core.errors import UserError


def test_names_are_parsed_from_text_and_lists():
    assert parse_class_names("cell, gland;\nlarge  vessel\n") == ["cell", "gland", "large vessel"]
    assert parse_class_names(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "empty"), (" , ", "empty"), ("a,,b", "no name"), ("cell,Cell", "twice"), ("a\x07b", "printed")],
)
def test_bad_lists_are_one_sentence(text, said):
    with pytest.raises(UserError, match=said):
        parse_class_names(text)


def test_the_first_class_leaves_zero_to_the_background():
    table = ClassTable().added("sky", mask_value=0).added("road").added("tree")
    assert [item.mask_value for item in table] == [0, 1, 2]
    assert ClassTable().added("a")[0].mask_value == 1


def test_ids_are_never_used_again():
    table = ClassTable.from_names("a,b").removed(2).added("c")
    assert [item.id for item in table] == [1, 3]
    assert ClassTable.from_json(table.removed(3).to_json()).added("d")[-1].id == 4


def test_255_stays_ignore():
    table = ClassTable(ClassDef(i, f"c{i}", i) for i in range(1, 255))
    assert table.added("next")[-1].mask_value == 256


def test_refused_changes():
    table = ClassTable.from_names("a,b")
    for change in (
        lambda: table.added("A"),
        lambda: table.renamed(1, "b"),
        lambda: table.renamed(1, "  "),
        lambda: table.recoloured(1, "red"),
        lambda: table.added("c", mask_value=1),
        lambda: table.added("c", mask_value=70000),
    ):
        with pytest.raises(UserError):
            change()
    assert table.names == ["a", "b"]


def test_colours_differ_as_long_as_they_can():
    table = ClassTable.from_names([f"c{i}" for i in range(len(PALETTE))])
    assert len({item.color for item in table}) == len(PALETTE) >= 20


def test_order_and_lookups():
    table = ClassTable.from_names("a,b,c").moved(3, 0)
    assert table.names == ["c", "a", "b"] and table.by_name(" B ").id == 2 and table.index_of(1) == 1
    assert table.color_lut()[3].tolist() == list(table[0].rgb)
    assert table.mask_value_lut(9, 255)[[0, 3, 65535]].tolist() == [9, 3, 255]
    assert ClassTable.from_json(table.to_json()) == table


def test_a_change_is_taken_back_after_others():
    before = ClassTable.from_names("a,b,c")
    after = before.removed(2)
    now = after.renamed(3, "see").added("d")
    back = now.rebased(after, before)
    assert back.names == ["a", "b", "see", "d"]
    assert [item.mask_value for item in back] == [1, 4, 3, 2], "the value given away meanwhile is not taken back"
    assert now.rebased(before, after) == now


def test_a_damaged_list_is_one_sentence():
    with pytest.raises(UserError, match="cannot be read"):
        ClassTable.from_json({"classes": [{"id": "x"}]})

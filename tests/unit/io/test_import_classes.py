"""Which class of a project a dataset's class goes to."""

from __future__ import annotations

import pytest

from segstudio.core.classes import ClassTable
from segstudio.io.formats.base import FoundClass
from segstudio.io.importing.class_names import (
    extended_table,
    plan_classes,
    same_written_otherwise,
    suggestions,
    usable_name,
)


@pytest.mark.parametrize(
    ("name", "known", "same"),
    [
        ("CAR", ["car"], "car"),
        ("houses", ["House"], "House"),
        ("bus", ["buses"], "buses"),
        ("Traffic_Lights", ["traffic light"], "traffic light"),
        ("trafficLight", ["traffic-light"], "traffic-light"),
        ("bodies", ["Body"], "Body"),
        ("noyau", ["Noyaux"], ""),
        ("Zellkern", ["Zellkérn"], "Zellkérn"),
        ("car", ["care", "cat"], ""),
        ("glas", ["glass", "gla"], ""),
        ("", ["s", "es"], ""),
        ("___", ["s"], ""),
        ("细胞", ["细胞"], "细胞"),
    ],
)
def test_the_same_written_otherwise(name, known, same):
    assert same_written_otherwise(name, known) == same


def test_what_is_like_it_is_suggested_the_likest_first():
    known = ["bicycle", "bicyclist", "sky", "road sign", "sign"]
    assert suggestions("bicyclists", known)[0] == "bicyclist"
    assert suggestions("roadsigns", known)[0] == "road sign"
    assert suggestions("water", known) == ()


def test_near_names_are_offered_and_not_taken():
    planned = plan_classes([FoundClass("cat")], ClassTable.from_names("cart,dog"), {})
    assert (planned[0].target, planned[0].is_new, planned[0].suggestions) == ("cat", True, ("cart",))


def test_several_classes_may_become_one():
    found = [FoundClass("Car"), FoundClass("CAR"), FoundClass("cars"), FoundClass("lorry")]
    planned = plan_classes(found, ClassTable(), {"lorry": "car"})
    table, ids = extended_table(planned, ClassTable())
    assert ids[0] == ids[1] == ids[3]
    assert table.names == ["Car", "cars"]


@pytest.mark.parametrize("name", ["", "  ", "\x00\x07", "a" * 5000, "a\nb", "\u202e"])
def test_any_name_becomes_one_that_a_project_takes(name):
    ClassTable().added(usable_name(name, 3))

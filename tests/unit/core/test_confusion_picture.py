"""The confusion matrix as a picture: what is drawn where, for few classes and many, and what is refused."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from segstudio.core.confusion_picture import confusion_file, confusion_svg, confusion_table, layout_of, short_count
from segstudio.core.errors import UserError
from segstudio.core.side_by_side import GAP_PX, IGNORED_GREY, color_table, side_by_side

SVG = "{http://www.w3.org/2000/svg}"


def cells(svg):
    """{hint: opacity} of the drawn cells, parsed as XML."""
    root = ElementTree.fromstring(svg)
    return {
        r.find(f"{SVG}title").text: float(r.get("fill-opacity"))
        for r in root.iter(f"{SVG}rect")
        if r.find(f"{SVG}title") is not None
    }


def test_rows_are_truth_and_add_up_to_one():
    table = confusion_table([[8, 2], [30, 10]], ["a", "b"])
    assert table.shares.tolist() == [[0.8, 0.2], [0.75, 0.25]]
    assert (table.cell_text(0, 0), table.cell_text(1, 0)) == ("80", "75")
    found = cells(confusion_svg(table))
    assert found == {
        "a → a: 80.00 % (8 px)": 0.8,
        "a → b: 20.00 % (2 px)": 0.2,
        "b → a: 75.00 % (30 px)": 0.75,
        "b → b: 25.00 % (10 px)": 0.25,
    }


def test_a_class_without_truth_has_an_empty_row_and_no_nonsense():
    table = confusion_table([[5, 0], [0, 0]], ["a", "b"])
    assert np.isnan(table.shares[1]).all() and table.cell_text(1, 1) == ""
    svg = confusion_svg(table)
    assert list(cells(svg)) == ["a → a: 100.00 % (5 px)"] and '"nan' not in svg and ">nan" not in svg


@pytest.mark.parametrize("count", [2, 11, 40])
def test_names_and_numbers_stay_readable_for_two_to_forty_classes(count):
    confusion = np.eye(count, dtype=int) * 1000 + 5
    table = confusion_table(confusion, [f"class of many {i}" for i in range(count)])
    at = layout_of(table)
    assert at.has_numbers and at.font >= 12 and at.small_font >= 8 and at.width < 1300
    root = ElementTree.fromstring(confusion_svg(table))
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert all(texts.count(f"class of many {i}") == 2 for i in range(count))
    boxes = [(float(r.get("x")), float(r.get("y"))) for r in root.iter(f"{SVG}rect") if r.get("fill-opacity")]
    assert len(boxes) == len(set(boxes)) == count * count
    assert max(x for x, _ in boxes) + at.cell <= at.width and max(y for _, y in boxes) + at.cell <= at.height


def test_the_png_shows_the_shares_where_they_belong():
    table = confusion_table([[9, 1], [0, 10]], ["道路", "tree"])
    image = np.asarray(Image.open(io.BytesIO(confusion_file(table, ".png"))))
    at = layout_of(table)
    assert image.shape == (at.height * 2, at.width * 2, 3)

    def corner(row, column):
        y, x = (at.top + row * at.cell + 3) * 2, (at.left + column * at.cell + 3) * 2
        return image[y, x].astype(int)

    assert corner(1, 1)[2] > 200 > 60 > corner(1, 1)[0]  # the full blue of the diagonal
    assert (corner(1, 0) == 255).all()  # nothing
    assert 225 < corner(0, 1)[2] < 255  # a tenth of the colour of mistakes


def test_text_of_strangers_is_escaped():
    svg = confusion_svg(confusion_table([[1, 0], [0, 1]], ["<script>x</script>", 'a"&b']))
    assert "<script>" not in svg and {t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")} >= {
        "<script>x</script>",
        'a"&b',
    }


@pytest.mark.parametrize(
    ("confusion", "names", "said"),
    [
        ([[1, 2]], None, "no square"),
        ([[1, "x"], [0, 1]], None, "no table"),
        ([[1, float("nan")], [0, 1]], None, "no square"),
        ([[-1, 0], [0, 1]], None, "cannot be"),
        ([[1, 0], [0, 1]], ["a"], "1 class names"),
        (np.eye(300), None, "300 classes"),
    ],
)  # fmt: skip
def test_what_is_no_matrix_is_refused_in_a_sentence(confusion, names, said):
    with pytest.raises(UserError, match=said):
        confusion_table(confusion, names)


def test_counts_are_short():
    assert [short_count(n) for n in (0, 999, 1000, 12_345, 3_400_000, 5 * 10**9)] == [
        "0",
        "999",
        "1.0 k",
        "12 k",
        "3.4 M",
        "5.0 G",
    ]


def test_side_by_side_is_in_the_colours_of_the_classes():
    image = np.full((2, 3, 3), 100, np.uint8)
    truth, prediction = np.array([[0, 1, 255]] * 2, np.uint8), np.array([[1, 1, 0]] * 2, np.uint8)
    drawn = side_by_side(image, truth, prediction, ("#000000", "#ff8000"))
    step = 3 + GAP_PX
    assert drawn.shape == (2, 4 * 3 + 3 * GAP_PX, 3)
    assert drawn[0, :3].tolist() == image[0].tolist()
    assert drawn[0, step : step + 3].tolist() == [[0, 0, 0], [255, 128, 0], [IGNORED_GREY] * 3]
    assert drawn[0, 2 * step : 2 * step + 3].tolist() == [[255, 128, 0], [255, 128, 0], [0, 0, 0]]
    assert drawn[0, 3 * step].tolist() == [177, 114, 50]
    assert len({tuple(c) for c in color_table(["", "", "red"])[:3].tolist()}) == 3  # a data set without colours

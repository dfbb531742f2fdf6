from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from sksynth.evaluation._report_html import Picture, Section, cell, page
from sksynth.evaluation._verdict import Finding

EVIL = "<script>alert('x')</script>&\"$title"
VOID = {"meta", "link", "img", "br"}


class Outline(HTMLParser):
    """Tags that were opened and closed in order, and the text of each."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts, self.attributes = [], [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def evil_page():
    table = pd.DataFrame({EVIL: [EVIL], "n": [1]}, index=pd.Index([EVIL], name=EVIL))
    picture = Picture(b"png", (4, 3), EVIL, EVIL)
    section = Section(EVIL, [EVIL], {EVIL: table}, [picture])
    return page(EVIL, [Finding(EVIL, EVIL, "bad", [EVIL])], [section])


def test_words_of_the_user_are_text_and_nothing_else(evil_page):
    outline = Outline(evil_page)
    assert "script" not in outline.tags
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert sum(text == EVIL for text in outline.texts) == 13
    attributes = [name for name, value in outline.attributes if value == EVIL]
    assert attributes == ["aria-label", "alt"]


def test_the_page_names_its_language_and_lets_nothing_in(evil_page):
    attributes = Outline(evil_page).attributes
    assert ("lang", "en") in attributes
    assert ("name", "viewport") in attributes
    policy = dict(attributes)["content"], evil_page
    assert "default-src 'none'" in policy[1]
    links = [value for name, value in attributes if name in ("src", "href")]
    assert all(link.startswith("data:") for link in links)


def test_headings_go_down_one_level_at_a_time(evil_page):
    levels = [
        int(tag[1]) for tag in Outline(evil_page).tags if tag in ("h1", "h2", "h3")
    ]
    assert levels == [1, 2, 3, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("N", "N"),
        (True, "True"),
        (np.nan, "–"),
        (None, "–"),
        (3, "3"),
        (np.int64(12), "12"),
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (-12.345, "-12.3"),
        (1.5e-5, "1.50e-05"),
        (123456.0, "1.23e+05"),
        (np.inf, "inf"),
    ],
)
def test_cells_have_three_digits(value, text):
    assert cell(value) == text

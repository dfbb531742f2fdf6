"""The page as a reader sees it, in a headless Chromium."""

import numpy as np
import pandas as pd
import pytest

from sksynth.datasets import make_ecg
from sksynth.evaluation import report
from tests.evaluation.browser import Browser, missing_program

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
WIDTHS = (1280, 400)
LONG = "a class with a name as long as a sentence, " + "andnoplacetobreak" * 5

CONTRAST = """
function luminance(colour) {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => {
        v /= 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function background(element) {
    for (let e = element; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
}
const words = 'h1, h2, h3, p, th, td, caption, figcaption';
return [...document.querySelectorAll(words)].map(e => {
    const pair = [getComputedStyle(e).color, background(e)].map(luminance);
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
});
"""
BEYOND_THE_EDGE = """
return [...document.querySelectorAll('main *')]
    .filter(e => !e.closest('.table'))
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1
            || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
    .map(e => e.outerHTML.slice(0, 200));
"""
IMAGES = """
return [...document.images].map(i => [i.complete && i.naturalWidth, i.alt,
    i.getBoundingClientRect().width, i.parentElement.clientWidth]);
"""


@pytest.fixture(scope="module")
def browser():
    if reason := missing_program():
        pytest.skip(reason)
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with every section, and with words that are hard to lay out."""
    matplotlib.use("agg")
    X, y = make_ecg(240, n_times=64, random_state=0)
    y = np.where(y == "V", LONG, np.where(y == "F", "<script>throw 1</script>", y))
    scores = [
        {
            "generator": generator,
            "combination": combination,
            "repeat": 0,
            "fold": fold,
            "measure": measure,
            "score": 0.8 + 0.01 * fold,
            "n_real": 60,
            "n_synthetic": 60,
            "n_test": 20,
            "seconds": 0.1,
        }
        for generator, combination in (("real only", "TrRTeR"), (LONG, "TrRSTeR"))
        for fold in range(3)
        for measure in ("balanced_accuracy", "accuracy", "recall[N]", f"recall[{LONG}]")
    ]
    page = report(
        X[:120],
        X[120:180],
        y_real=y[:120],
        y_synthetic=y[120:180],
        X_held_out=X[180:],
        results=pd.DataFrame(scores),
        fs=90,
        channel_names=[LONG, "V1"],
        title=f"{LONG} <script>throw 1</script>",
        random_state=0,
    )
    return page.save(tmp_path_factory.mktemp("report") / "report.html").as_uri()


@pytest.fixture(params=WIDTHS)
def shown(browser, address, request):
    """The browser, with the page on a screen of this width."""
    browser.console()  # forget
    browser.show(address, request.param)
    assert browser.value("return innerWidth") == request.param
    return browser


def test_the_console_stays_silent(shown):
    assert shown.console() == []
    assert shown.value("return document.scripts.length") == 0


def test_the_console_would_not_stay_silent_for_a_script(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<!DOCTYPE html><script>throw 1</script><img src='none.png'>")
    browser.show(path.as_uri(), 400)
    assert len(browser.console()) == 2


def test_the_page_itself_does_not_scroll_sideways(shown):
    widths = "return [document.documentElement.scrollWidth, innerWidth]"
    page, screen = shown.value(widths)
    assert page <= screen
    assert shown.value(BEYOND_THE_EDGE) == []


def test_wide_tables_scroll_in_their_own_box_and_take_the_focus(shown):
    boxes = shown.value(
        "return [...document.querySelectorAll('.table')].map(e => [e.tabIndex,"
        "getComputedStyle(e).overflowX, e.getBoundingClientRect().right])"
    )
    assert len(boxes) >= 5
    for index, overflow, right in boxes:
        assert (index, overflow) == (0, "auto")
        assert right <= shown.value("return innerWidth")


def test_each_picture_is_there_has_words_and_fits(shown):
    images = shown.value(IMAGES)
    assert len(images) == 11
    for natural, alt, width, room in images:
        assert natural > 600
        assert len(alt) > 20
        assert 300 < width <= room + 0.5


def test_headings_descend_in_order_from_one_title(shown):
    levels = shown.value(
        "return [...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1])"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    steps = np.diff(levels)
    assert steps.max() == 1
    assert shown.value("return document.documentElement.lang") == "en"


def test_words_stand_out_from_what_is_behind_them(shown):
    contrasts = shown.value(CONTRAST)
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


def test_words_are_large_enough(shown):
    sizes = shown.value(
        "return [...document.querySelectorAll('p, td, th, figcaption')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 13

"""The page for every reader: by keyboard, in the dark, without colours, on a phone and on paper."""

import re

import pytest
from reported import MANIFEST, bare_run, check_page, chromium, finished_run, page

from zoo.report import build
from zoo.report.environment import environment
from zoo.report.plot import SERIES, VARIABLES

CSS = environment(html_page=True).get_template("page.css").render()
TEXT = ("ink", "muted", "link", "fine", "note", "bad")
BEHIND = ("paper", "panel")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs"))


browser = pytest.fixture(scope="module")(chromium)


def variables():
    """Light, dark and printed values of each colour."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, flags=re.DOTALL)
    light, dark, printed = (dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in blocks)
    return {"light": light, "dark": light | dark, "print": light | printed}


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    shares = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_contrast_is_computed_as_the_guidelines_do():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_text_stands_out_from_what_is_behind_it(mode):
    colours = variables()[mode]
    for text in TEXT:
        for behind in BEHIND:
            assert contrast(colours[text], colours[behind]) >= 4.5, (mode, text, behind)
    assert contrast(colours["bad"], colours["bad-panel"]) >= 4.5
    assert contrast(colours["ink"], colours["bad-panel"]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_lines_stand_out_from_the_page(mode):
    colours = variables()[mode]
    for i in range(len(SERIES)):
        assert contrast(colours[f"series-{i}"], colours["paper"]) >= 3, (mode, i)


def test_the_page_is_in_order_for_every_reader_and_runs_nothing_but_its_own(finished):
    check_page(finished.report_path)
    assert page(finished).tags.count("table") > 5


def test_curves_are_known_without_their_colours(finished):
    for name in ("losses", "outputs", "gradients", "detectors"):
        svg = (finished.figures / f"{name}.svg").read_text()
        shapes_of = dict(re.findall(r'<path id="(m\w+)" d="([^"]+)"', svg))
        lines = re.split(r'<g id="line2d_\d+">', svg)
        used = [re.findall(r'xlink:href="#(m\w+)"', line) for line in lines if "clip-path" in line]
        own = [frozenset(shapes_of[each] for each in line) for line in used]
        marked = [shapes for shapes in own if shapes]
        assert len(marked) == len(set(marked)) == 2, name


def test_figures_are_vectors_with_text_that_can_be_selected(finished):
    for path in finished.figures.glob("*.svg"):
        assert path.read_text().count("<text") > 5
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    labels = (finished.figures / "losses.svg").read_text()
    assert "real images shown, thousands" in labels
    assert "loss (no unit)" in labels


def test_curves_take_the_colours_of_the_page(finished):
    text = finished.report_path.read_text()
    inlined = "".join(re.findall(r"<figure[^>]*data-curve.*?</figure>", text, flags=re.DOTALL))
    assert not [colour for colour in VARIABLES if colour in inlined]
    assert "var(--series-0)" in inlined


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800])
def test_the_page_never_scrolls_sideways(browser, finished, width, scheme):
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.goto(finished.report_path.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")
    tab.close()


def test_the_keyboard_skips_to_the_content_and_copies_a_table(browser, finished):
    context = browser.new_context()
    tab = context.new_page()
    problems = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.goto(finished.report_path.as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.locator(".skip").bounding_box()["x"] >= 0
    tab.keyboard.press("Enter")
    button = tab.get_by_role("button", name="Copy CSV: Detectors on test images")
    button.focus()
    assert button.evaluate("b => getComputedStyle(b).outlineStyle") == "solid"
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.getElementById('said').textContent")
    assert tab.text_content("#said") == "Copied."
    tab.evaluate("document.body.append(document.createElement('textarea'))")
    tab.locator("textarea").last.focus()
    tab.keyboard.press("Control+V")
    pasted = tab.locator("textarea").last.input_value()
    assert pasted == (finished.tables / "detectors.csv").read_text()
    assert not problems
    context.close()


def test_copying_works_where_the_clipboard_is_refused(browser, finished):
    tab = browser.new_page()
    tab.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    tab.goto(finished.report_path.as_uri())
    tab.get_by_role("button", name="Copy LaTeX: Detectors on test images").click()
    tab.wait_for_function("document.getElementById('said').textContent")
    assert tab.text_content("#said") == "Copied."
    tab.close()


def test_without_scripts_there_are_no_buttons(browser, finished):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(finished.report_path.as_uri())
    assert tab.locator("button:visible").count() == 0
    context.close()


def test_paper_is_white_and_has_no_buttons(browser, finished):
    tab = browser.new_page(color_scheme="dark")
    tab.goto(finished.report_path.as_uri())
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.locator("button:visible, nav:visible").count() == 0
    kept = "[...document.querySelectorAll('figure, tr')].map(e => getComputedStyle(e).breakInside)"
    assert set(tab.evaluate(kept)) == {"avoid"}
    tab.close()


def test_a_page_with_nothing_measured_is_in_order_too(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    build(run)
    check_page(run.report_path)

"""A report in a real Chromium: axe-core finds nothing wide, on a phone, in the dark or on paper, and no script is needed."""

import shutil
from pathlib import Path

import pytest

from gvi_eval.report.html import html_bytes
from gvi_eval.report.index import write_index
from gvi_eval.report.study_report import study_report
from gvi_eval.resources import CHECKOUT

PLACES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


def browser_path() -> str | None:
    return next((found for name in PLACES if (found := shutil.which(name))), None)


pytestmark = pytest.mark.skipif(
    browser_path() is None, reason=f"no Chromium is installed (looked for {', '.join(PLACES)} on the PATH)"
)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    """The Danish report of Boston: foreign quotations, every kind of block, wide tables."""
    folder = CHECKOUT / "reports" / "boston"
    document = study_report(folder, CHECKOUT / "analyses" / "boston" / "study.toml", "da")
    file = tmp_path_factory.mktemp("page") / "report.da.html"
    file.write_bytes(html_bytes(document))
    return file


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(chromium, file: Path, *, size=SIZES["wide"], media="screen", scheme="light", script=True):
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=script, offline=True
    )
    page = context.new_page()
    page.emulate_media(media=media, color_scheme=scheme)
    page.goto(file.as_uri())
    return page


WAYS = [
    ("wide", "screen", "light", False),
    ("phone", "screen", "light", False),
    ("wide", "screen", "dark", True),
    ("wide", "print", "light", False),
]


@pytest.mark.parametrize("size, media, scheme, opened_details", WAYS)
def test_axe_finds_nothing(chromium, page_file, size, media, scheme, opened_details):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(chromium, page_file, size=SIZES[size], media=media, scheme=scheme)
    if opened_details:
        page.evaluate("document.querySelectorAll('details').forEach((each, n) => { each.open = n < 2 })")
    found = Axe().run(page)
    assert [(each["id"], len(each["nodes"])) for each in found.response["violations"]] == []
    assert len(found.response["passes"]) > 20  # it did look
    page.context.close()


def test_axe_would_see_a_fault(chromium, page_file, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    broken = page_file.read_text(encoding="utf-8").replace('<html lang="da">', "<html>").replace(" alt=", " data-alt=")
    (tmp_path / "broken.html").write_text(broken, encoding="utf-8")
    page = opened(chromium, tmp_path / "broken.html")
    found = {each["id"] for each in Axe().run(page).response["violations"]}
    assert {"html-has-lang", "image-alt"} <= found
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_runs_out_of_the_page(chromium, page_file, size):
    page = opened(chromium, page_file, size=SIZES[size])
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    page.context.close()


def test_without_script_and_network_everything_is_there(chromium, page_file):
    page = opened(chromium, page_file, script=False)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("h1").inner_text() and page.locator("main section").count() >= 15
    page.context.close()


def test_the_keyboard_reaches_the_report_first_and_every_table_that_scrolls(chromium, page_file):
    page = opened(chromium, page_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    scrolls = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map(each => [each.tabIndex, !!(each.ariaLabel || each.getAttribute('aria-labelledby'))])"
    )
    assert scrolls and all(place == [0, True] for place in scrolls)
    page.context.close()


@pytest.fixture(scope="module")
def index_file(tmp_path_factory) -> Path:
    """The index of a study with figures, a study that waits, a synthesis, the audit, a plan and the records."""
    place = tmp_path_factory.mktemp("reports")
    for name in ("boston", "malmo_panel", "pooled", "calibration", "monitoring", "audit"):
        ignored = shutil.ignore_patterns("paths", "panels", "placebos", "gaps", "*.png")
        shutil.copytree(CHECKOUT / "reports" / name, place / name, ignore=ignored)
    return write_index(place)


@pytest.mark.parametrize("size, media, scheme, opened_details", [*WAYS, ("phone", "screen", "dark", True)])
def test_axe_finds_nothing_on_the_index(chromium, index_file, size, media, scheme, opened_details):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(chromium, index_file, size=SIZES[size], media=media, scheme=scheme)
    if opened_details:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = Axe().run(page)
    assert [each["id"] for each in found.response["violations"]] == [] and len(found.response["passes"]) > 10
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    page.context.close()


def test_the_index_is_short_and_unfolds(chromium, index_file):
    page = opened(chromium, index_file)
    tallest = max(box["height"] for box in (each.bounding_box() for each in page.locator("article").all()))
    assert tallest < 300  # in a window of 900
    page.locator("summary").first.click()
    assert page.locator("article details[open] a").count() > 5 and page.locator("article details[open] a").first.is_visible()
    page.context.close()

"""The explorer page in a real browser; see explorer_server.py for what answers it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
import spacy

import spacy_mluke
from spacy_mluke import Relation

pytest.importorskip("playwright", reason="tests in a browser need Playwright: pip install '.[browser]'")

from playwright.sync_api import sync_playwright

from tests.serve.explorer_server import HOSTILE, running

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="tests in a browser need Chromium: apt-get install chromium")
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
EN = "Marie Curie was born in Warsaw and moved to Paris."
# What a view shows, and no other one.
SHOWN = {
    "Text": "mark", "Relations": "text[direction]", "Graph": "rect[rx='15']", "Similarity": ".mluke-map",
    "Questions": "#questions", "Masks": "#masks",
}  # fmt: skip
AR = "وُلد نجيب محفوظ في القاهرة عام 1911."


@pytest.fixture(scope="module")
def address():
    with running() as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        yield found
        found.close()


@pytest.fixture
def page(browser, address):
    """The page. The test fails if the browser reports an error: a script's, or one of the Content-Security-Policy."""
    context = browser.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
    opened, errors = context.new_page(), []
    opened.set_default_timeout(30_000)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.goto(address)
    opened.wait_for_selector("[role=tab]")
    yield opened
    context.close()
    # The browser itself reports responses of 4xx.
    assert [error for error in errors if "status of 4" not in error] == []


def annotate(page, text):
    page.fill("#text", text)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#panel .mluke-doc")


def show(page, name):
    page.get_by_role("tab", name=name).click()
    page.wait_for_selector(f"#panel {SHOWN[name]}")


def test_typing_a_text_shows_its_entities_with_links(page):
    annotate(page, EN)
    assert page.locator("mark").evaluate_all("marks => marks.map(mark => mark.firstChild.data)") == [
        "Marie Curie", "Warsaw", "Paris"
    ]  # fmt: skip
    assert page.locator("mark a").first.get_attribute("href") == "https://www.wikidata.org/wiki/Q7186"


def test_the_keyboard_opens_and_closes_the_card_of_an_entity(page):
    annotate(page, EN)
    page.get_by_role("button", name="About Warsaw").focus()
    page.keyboard.press("Enter")
    card = page.locator("#card")
    card.get_by_text("Names in 2 languages").click()
    assert "geonames:756135" in card.inner_text() and HOSTILE in card.inner_text()
    assert card.locator("img").count() == 0
    assert "relation 1" in card.inner_text() and "Japanese" in card.inner_text()
    card.focus()
    page.keyboard.press("Escape")
    assert card.is_hidden()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "About Warsaw"


def test_the_card_of_an_entity_that_is_not_linked_says_so(page):
    annotate(page, f"He saw {HOSTILE} there.")
    page.locator("mark button").first.click()
    assert "not linked" in page.locator("#card").inner_text()


def test_the_card_shows_facts_and_leads_to_their_entities_and_back(page):
    annotate(page, EN)
    page.get_by_role("button", name="About Warsaw").click()
    card = page.locator("#card")
    card.get_by_role("button", name="Show 3 more: shares border with").click()
    assert page.evaluate("document.activeElement.textContent") == "Place 15"
    assert card.get_by_text("and 3 more facts").count() == 1
    assert card.get_by_role("link", name="geonames:756135").last.get_attribute("href").startswith("https://")
    card.get_by_role("button", name="Marie Curie").click()
    card.get_by_role("heading", name="Entity Q7186").wait_for()
    card.get_by_role("button", name="Back").click()
    card.get_by_role("heading", name="Warsaw").wait_for()
    assert card.get_by_role("button", name="Back").count() == 0


def test_a_candidate_that_the_knowledge_base_lacks_is_a_note(page):
    annotate(page, EN)
    page.get_by_role("button", name="About Warsaw").click()
    page.locator("#card").get_by_role("button", name=HOSTILE).click()
    page.wait_for_selector("#card :text('The knowledge base does not have this entity.')")


def test_arrows_move_between_the_views(page):
    annotate(page, EN)
    page.get_by_role("tab", name="Text").focus()
    found = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        found.append(page.evaluate("document.activeElement.textContent"))
        page.wait_for_selector(f"#panel {SHOWN[found[-1]]}")
    assert found == ["Relations", "Graph", "Similarity"]
    assert page.locator(".mluke-map td").count() == 10


def test_questions_and_masks_are_answered(page):
    annotate(page, EN)
    page.get_by_role("tab", name="Questions").click()
    page.fill("#questions", "Where was she born?")
    page.get_by_role("button", name="Answer").click()
    assert page.locator(".result mark").inner_text() == "Warsaw"
    page.get_by_role("tab", name="Masks").click()
    page.get_by_role("button", name="Insert [MASK]").click()
    page.get_by_role("button", name="Fill").click()
    assert "Poland Q36 0.80" in page.locator(".result").inner_text()


def test_offsets_are_code_points_and_hostile_text_stays_text(page):
    annotate(page, f"👩‍👩‍👧 🇫🇷 {HOSTILE} Warsaw")
    assert page.locator("mark").evaluate_all("marks => marks.map(mark => mark.firstChild.data)") == [HOSTILE, "Warsaw"]
    assert page.locator("#panel img").count() == 0


def test_a_link_has_the_text_and_the_view_after_the_number_sign(page, address):
    annotate(page, AR)
    page.get_by_role("tab", name="Relations").click()
    page.wait_for_selector("#panel svg")
    shared = page.evaluate("location.href")
    assert shared.startswith(f"{address}/#text=") and shared.endswith("&view=relations")
    page.goto("about:blank")
    page.goto(f"{address}/#text={quote(AR)}&view=relations")
    page.wait_for_selector("#panel svg text[direction=rtl]")
    assert page.input_value("#text") == AR


def test_json_and_html_can_be_saved(page):
    annotate(page, EN)
    saved = {}
    for name in ("Save JSON", "Save HTML"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        saved[name] = Path(download.value.path()).read_text(encoding="utf8")
    entities = json.loads(saved["Save JSON"])["entities"]
    assert [entity["text"] for entity in entities] == ["Marie Curie", "Warsaw", "Paris"]
    assert saved["Save HTML"].startswith("<!DOCTYPE html>") and "<h2>Similarity</h2>" in saved["Save HTML"]


def test_a_server_that_does_not_answer_is_said(browser, address):
    context = browser.new_context()
    opened = context.new_page()
    opened.route("**/health", lambda route: route.abort())
    opened.goto(address)
    opened.wait_for_selector("#error:has-text('The server does not answer.')")
    assert opened.inner_text("#about").startswith("Not connected")
    context.close()


def test_a_token_that_is_asked_for_sends_the_text_again(page):
    def answer(route):
        if route.request.headers.get("authorization") == "Bearer secret":
            route.continue_()
        else:
            route.fulfill(status=401, content_type="application/problem+json", body='{"detail": "No token."}')

    page.route("**/v1/**", answer)
    page.fill("#text", EN)
    page.get_by_role("button", name="Annotate").click()
    page.wait_for_selector("#error:has-text('No token.')")
    page.get_by_label("Token").fill("secret")
    page.keyboard.press("Tab")
    page.wait_for_selector("#panel mark")
    assert page.inner_text("#error") == ""


def test_an_error_of_the_server_is_shown(page):
    page.fill("#text", "ERROR")
    page.get_by_role("button", name="Annotate").click()
    page.wait_for_selector("#error:has-text('The text is wrong.')")


def test_a_word_in_a_table_is_not_broken_on_a_phone(browser):
    doc = spacy.blank("ar")("عبد الفتاح السيسي المصري")
    doc._.mluke_relations = [Relation(doc[0:3], doc[3:4], "country of citizenship (P27)", 0.99)]
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.set_content(spacy_mluke.render(doc, "relations", page=True))
    tops = page.locator(".mluke-facts bdi", has_text="المصري").evaluate("e => [...e.getClientRects()].map(r => r.top)")
    context.close()
    assert len(set(tops)) == 1


@pytest.mark.parametrize("text", [EN, AR], ids=["latin", "rtl"])
def test_a_phone_needs_no_horizontal_scrolling(page, text):
    page.set_viewport_size({"width": 390, "height": 800})
    annotate(page, text)
    for name in ("Relations", "Graph", "Similarity", "Text"):
        show(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = page.locator("mark small").evaluate_all("all => all.map(one => one.getClientRects().length)")
    assert set(heights) == {1}, "a label is broken into lines"


@pytest.mark.parametrize(
    ("scheme", "views"),
    [("light", ["Relations", "Graph", "Similarity", "Questions", "Masks"]), ("dark", ["Similarity"])],
    ids=["light", "dark"],
)
def test_axe_finds_no_serious_fault(page, scheme, views):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page.emulate_media(color_scheme=scheme)
    annotate(page, EN)
    page.get_by_role("button", name="About Paris").click()
    page.locator("#card").get_by_text("Names in 2 languages").click()
    faults = []
    for name in ("Text", *views):
        if name != "Text":
            show(page, name)
        found = axe.Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        faults += [(name, one["id"], one["nodes"][0]["html"]) for one in serious]
    assert faults == []

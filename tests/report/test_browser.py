"""The page in a real browser: sorting, filtering, hovering, themes, a phone's width, and no request at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.figures.test_contrast import contrast
from tests.report import browser as chromium
from tests.report.browser import Browser
from tests.report.made_runs import three_seeds, write_run, write_training
from xstilts_eval.report import content, page

pytestmark = pytest.mark.skipif(
    not (chromium.CHROMIUM and chromium.DRIVER), reason="needs chromium and chromedriver on the path"
)
EVIL = "<script>document.write('broken')</script><img src>"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on four runs: scores of one, two and no digits before the point, a missing family, a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    write_training(folder / "b" / "seed-1", [4.0, 3.0, 2.0])
    codes = ("en", "de", "es", "fr", "ja", "ko", "zh")
    base = {code: [10, 11, 12] for code in codes}
    three_seeds(folder / "base", base, {"en": [5] * 3, "de": [4] * 3}, checkpoint=str(folder / "b"))
    three_seeds(folder / "low", {code: [1] * 3 for code in codes}, {"en": [6] * 3, "de": [5] * 3})
    three_seeds(folder / "high", {code: [20] * 3 for code in codes}, {"en": [7] * 3, "de": [5] * 3})
    write_run(folder / "evil", {f"xtreme.pawsx.{code}": [1, 0] * 10 for code in codes})
    given = [str(folder / name) for name in ("base", "low", "high")] + [f"{EVIL}={folder / 'evil'}"]
    path = folder / "report.html"
    path.write_text(page.html(content.gather(given), "A report"), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium.browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


COLUMN = "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].filter(r => !r.hidden)\
.map(r => r.cells[arguments[1]].textContent.trim().split(' ')[0])"


def column(browser: Browser, table: str, place: int) -> list[str]:
    """First words of a column, of the rows that are shown."""
    found: list[str] = browser.script(COLUMN, table, place)
    return found


def click_header(browser: Browser, table: str, place: int) -> str | None:
    """Click and return what the header says to a screen reader then."""
    found: str | None = browser.script(
        "const h = document.querySelectorAll(`#${arguments[0]} thead th`)[arguments[1]];"
        "h.querySelector('button').click(); return h.getAttribute('aria-sort')",
        table,
        place,
    )
    return found


def test_headers_sort_numbers_as_numbers_with_missing_ones_last(browser: Browser, address: str) -> None:
    browser.open(address)
    assert browser.script("return document.querySelectorAll('#scoreboard th button')[2].textContent") == "PAWS-X"
    given = column(browser, "scoreboard", 2)
    assert given == ["55.0", "5.0", "100.0", "50.0"]
    assert click_header(browser, "scoreboard", 2) == "descending"
    assert column(browser, "scoreboard", 2) == ["100.0", "55.0", "50.0", "5.0"], "as text, 5.0 would come first"
    assert click_header(browser, "scoreboard", 2) == "ascending"
    assert column(browser, "scoreboard", 2) == ["5.0", "50.0", "55.0", "100.0"]
    assert click_header(browser, "scoreboard", 2) is None
    assert column(browser, "scoreboard", 2) == given
    for direction in ("descending", "ascending"):
        assert click_header(browser, "scoreboard", 3) == direction
        assert column(browser, "scoreboard", 3)[-1] == "–"
    assert click_header(browser, "scoreboard", 0) == "ascending"
    assert column(browser, "scoreboard", 0)[1:] == ["base", "high", "low"]


def test_the_baseline_stays_on_top_of_the_gains(browser: Browser, address: str) -> None:
    browser.open(address)
    for _ in range(2):
        click_header(browser, "gains", 1)
        assert column(browser, "gains", 0)[0] == "base"


def test_sorting_works_from_the_keyboard(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.script("document.querySelectorAll('#scoreboard th button')[1].focus()")
    browser.press("Tab")
    browser.press("Enter")
    assert column(browser, "scoreboard", 2) == ["100.0", "55.0", "50.0", "5.0"]


def test_a_filter_hides_rows_that_lack_a_word(browser: Browser, address: str) -> None:
    browser.open(address)
    kept = browser.script(
        "const i = document.querySelector('input[aria-controls=languages]');"
        "i.value = 'xquad GERMAN'; i.dispatchEvent(new Event('input'));"
        "return i.closest('.tools').querySelector('.count').textContent"
    )
    assert kept == "1 of 9 rows" and column(browser, "languages", 2) == ["de"]
    browser.script(
        "const i = document.querySelector('input[aria-controls=languages]'); i.value = '';"
        "i.dispatchEvent(new Event('input'))"
    )
    assert len(column(browser, "languages", 2)) == 9


TARGET = "const e = [...document.querySelectorAll(`${arguments[0]} [data-tip]`)].find(\
e => e.dataset.tip.includes(arguments[1])); e.scrollIntoView({block: 'center', behavior: 'instant'});\
const b = e.getBoundingClientRect(); const middle = [b.x + b.width / 2, b.y + b.height / 2];\
requestAnimationFrame(() => requestAnimationFrame(() => arguments[2](middle)))"
"""The middle of a mark, once it has been scrolled to: scrolling hides what is shown."""
TIP = "const t = document.getElementById('tip'); return t.hidden ? null : t.innerText"


@pytest.mark.parametrize(
    ("figure", "mark", "says"),
    [
        ("#f-bars", "low · PAWS-X · Japanese", ["5.0 ± 5.0", "seeds 5.0, 5.0, 5.0"]),
        ("#f-heat-map", "high · PAWS-X · German", ["100.0 ± 5.0"]),
        ("#f-gains", "high · PAWS-X", ["+45.0 ±", "(from 55.0 to 100.0)"]),
        ("#f-gaps", "base · XQuAD", ["English 25.0, others 20.0", "transfer gap 5.0"]),
        ("#f-distance", "low · PAWS-X · Korean", ["−50.0 ±"]),
    ],
)
def test_hovering_a_mark_shows_value_and_interval(
    browser: Browser, address: str, figure: str, mark: str, says: list[str]
) -> None:
    browser.open(address)
    assert browser.script(TIP) is None
    browser.point_at(*browser.call("execute/async", script=TARGET, args=[figure, mark]))
    shown = browser.script(TIP)
    assert shown and mark in shown and all(part in shown for part in says)
    browser.point_at(2, 2)
    assert browser.script(TIP) is None


def colours(browser: Browser) -> Any:
    return browser.script(
        "const s = getComputedStyle(document.body), t = getComputedStyle(document.querySelector('svg .ink'));"
        "return [s.backgroundColor, s.color, t.fill]"
    )


def test_the_page_follows_the_system_and_can_be_switched(browser: Browser, address: str) -> None:
    light, dark = "rgb(255, 255, 255)", "rgb(21, 24, 27)"
    browser.open(address, scheme="dark")
    assert colours(browser) == [dark, "rgb(232, 234, 237)", "rgb(232, 234, 237)"]
    browser.open(address, scheme="light")
    assert colours(browser)[0] == light
    seen = []
    for _ in range(3):
        browser.script("document.getElementById('theme').click()")
        seen.append((browser.script("return document.getElementById('theme').textContent"), colours(browser)[0]))
    assert seen == [("Theme: light", light), ("Theme: dark", dark), ("Theme: system", light)]


@pytest.mark.parametrize("width", [375, 1280])
def test_only_tables_and_figures_scroll_sideways(browser: Browser, address: str, width: int) -> None:
    browser.open(address, width=width)
    assert browser.script("return [document.documentElement.scrollWidth, innerWidth]") == [width, width]
    unfolded = "for (const d of document.querySelectorAll('details')) d.open = true;"
    assert browser.script(f"{unfolded} return document.documentElement.scrollWidth") == width
    if width == 375:
        assert browser.script(
            "const b = document.querySelector('#languages').parentNode; return b.scrollWidth > b.clientWidth"
        )


def test_what_scrolls_sideways_takes_the_keyboard(browser: Browser, address: str) -> None:
    browser.open(address, width=375)
    wider = "return [...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth && \
/auto|scroll/.test(getComputedStyle(e).overflowX)).map(e => [e.className, e.tabIndex])"
    found = browser.script(wider)
    assert found and {place for _, place in found} == {0}
    maps = browser.script("return [...document.querySelectorAll('#f-heat-map .panel')].map(e => e.tabIndex)")
    assert maps == [0] * 4, "as wide as there are datasets"


def test_paper_holds_every_column_and_says_what_is_folded(browser: Browser, address: str) -> None:
    """A4 with the browser's margins is 718 pixels wide; what is wider is cut off there."""
    browser.open(address, width=718)
    browser.devtools("Emulation.setEmulatedMedia", media="print")
    try:
        widths = "return [...document.querySelectorAll('table')].map(t => [t.id, t.getBoundingClientRect().right])"
        assert [name for name, right in browser.script(widths) if right > 718] == []
        browser.script(
            "const d = document.createElement('details'); d.innerHTML = '<summary>Table: gaps</summary>';"
            "const t = document.getElementById('t-gaps'); t.before(d); d.append(t);"
        )
        says = "const s = document.querySelector('summary'); return [s.getClientRects().length, \
getComputedStyle(s, '::after').content]"
        assert browser.script(says) == [1, '" (folded on the page; unfold it there to print it)"']
    finally:
        browser.devtools("Emulation.setEmulatedMedia", media="")


def test_a_link_to_a_folded_table_opens_it(browser: Browser, address: str) -> None:
    browser.open(address)
    closed = "return [...document.querySelectorAll('details')].map(d => d.open)"
    browser.script(
        "const d = document.createElement('details'); const t = document.getElementById('t-languages');"
        "t.before(d); d.append(t);"
    )
    assert browser.script(closed) == [False]
    browser.script("location.hash = '#t-languages'")
    browser.call("execute/async", script="setTimeout(arguments[0], 100)", args=[])
    assert browser.script(closed) == [True]


def test_the_page_runs_without_an_error_and_asks_for_nothing(browser: Browser, address: str) -> None:
    browser.logs("browser")
    browser.requests()
    browser.open(address)
    browser.script("document.querySelectorAll('#scoreboard th button')[2].click()")
    browser.script("document.getElementById('theme').click()")
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    assert asked == [address]
    assert browser.logs("browser") == [], "an error, or something the policy has stopped"
    assert browser.script("return performance.getEntriesByType('resource').length") == 0
    assert browser.script("return document.querySelectorAll('img, main script').length") == 0, "a name is text"
    assert EVIL in browser.script("return document.getElementById('scoreboard').textContent")


def test_the_policy_stops_what_is_not_the_page_s_own(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.logs("browser")
    browser.script(
        "const s = document.createElement('script'); s.textContent = 'document.title = `broken`';"
        "document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i)"
    )
    assert browser.script("return document.title") == "A report"
    assert sum("Content Security Policy" in entry["message"] for entry in browser.logs("browser")) == 2


READ = """
const shown = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const parse = (text) => { const c = text.match(/[\\d.]+/g).map(Number); const f = text.startsWith("color(") ? 255 : 1;
  return [c[0] * f, c[1] * f, c[2] * f, c[3] === undefined ? 1 : c[3]]; };
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || parent.closest("svg, script, style, option, [hidden]")) continue;
  if (!parent.getClientRects().length) continue;
  let ground = parent;
  while (ground && parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  shown.push([parse(getComputedStyle(parent).color), parse(getComputedStyle(ground ?? document.body).backgroundColor),
    walker.currentNode.textContent.trim().slice(0, 30)]);
}
return shown;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_page_can_be_read(browser: Browser, address: str, scheme: str) -> None:
    """WCAG AA, 4.5:1, of the colours that the browser has computed."""
    browser.open(address, scheme=scheme)
    shown = browser.script("for (const d of document.querySelectorAll('details')) d.open = true;" + READ)
    assert len(shown) > 200
    for text, ground, words in shown:
        assert contrast(tuple(text[:3]), tuple(ground[:3])) >= 4.5, (words, text, ground)


def test_the_lines_of_a_heat_map_change_their_order(browser: Browser, address: str) -> None:
    """By family (Korean is an "isolate"), by script, by name; English stays on top."""
    browser.open(address)
    order = "return [...document.querySelectorAll('#f-heat-map svg')].map(s => [...s.querySelectorAll('g[data-y]')]\
.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(g => g.dataset.code).join(' '))"
    choose = "const s = document.querySelector('#s-heat-map select'); s.value = arguments[0];\
s.dispatchEvent(new Event('change'));"
    first = browser.script(order)
    assert len(first) == 4 and set(first) == {"en de es fr ko ja zh"}
    wanted = {"name": "en zh fr de ja ko es", "script": "en zh ja ko de es fr", "code": "en de es fr ja ko zh"}
    for key, codes in [*wanted.items(), ("family", "en de es fr ko ja zh")]:
        browser.script(choose, key)
        assert set(browser.script(order)) == {codes}, key


TAKEN = """
const done = arguments[arguments.length - 1];
let text = "";
document.execCommand = () => { text = document.activeElement.value; };
const clipboard = { writeText: async (given) => { text = given; } };
Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
const blob = URL.createObjectURL;
URL.createObjectURL = (given) => { given.text().then((t) => { text = t; }); return blob.call(URL, given); };
document.querySelector(`.takes[data-table=${arguments[0]}] button[data-as=${arguments[1]}]`).click();
setTimeout(() => done(text), 200);
"""


def test_a_table_is_taken_along(browser: Browser, address: str) -> None:
    """What is shown, in its order: as tabs, as CSV in which nothing computes, as LaTeX in which nothing acts."""

    def taken(how: str) -> list[str]:
        found: str = browser.call("execute/async", script=TAKEN, args=["scoreboard", how])
        return found.splitlines()

    browser.open(address)
    click_header(browser, "scoreboard", 2)
    copied = [line.split("\t") for line in taken("copy")]
    assert copied[0][:3] == ["run", "seeds", "PAWS-X"] and [row[0] for row in copied[1:3]] == ["high", "base"]
    assert taken("csv")[1:3] == ["high,3,100.0,30.0", "base,3,55.0,22.5"]
    latex = taken("latex")
    assert latex[0].startswith(r"\begin{tabular}{lr") and latex[1] == r"\toprule" and latex[-1] == r"\end{tabular}"
    assert latex[4] == r"high & 3 & 100.0 & 30.0 \\" and r"<script>document.write('broken')</script>" in latex[6]


def test_a_filter_stands_over_long_tables_alone(browser: Browser, address: str) -> None:
    browser.open(address)
    found = browser.script(
        "return [...document.querySelectorAll('.table')].map(t => "
        "[t.querySelectorAll('tbody tr').length, !!t.querySelector('input')])"
    )
    assert all(has_filter == (rows > 8) for rows, has_filter in found) and {True, False} == {one for _, one in found}

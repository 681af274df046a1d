"""The page in a real Chromium: no errors, no network, and everything a reader does, by mouse and by keyboard."""

import json
import shutil
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from made_bits import write_run as write_run_of_bits
from made_up import COMPOSITIONS, write_pictures, write_run

from modrobust.corruption.composition import label
from modrobust.report.page import write_page
from modrobust.report.read.bits import read_bits
from modrobust.report.read.facts import collect
from modrobust.report.read.groups import groups
from modrobust.report.read.lines import with_lines
from modrobust.report.tables.by_length import by_number, with_names
from modrobust.report.tables.images import rows_of
from modrobust.report.tables.main import best

pytest.importorskip("selenium", reason="no selenium: pip install selenium")
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="no browser: apt-get install chromium chromium-driver"
)
METHODS = ("cross_entropy", "contrastive", "modules")
SEEDS = (0, 1, 2)
NONE = "\N{EN DASH}"
NAMES = [label(composition) for composition in COMPOSITIONS]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("page") / "outputs"
    for method in METHODS:
        for seed in SEEDS:
            write_run(outputs, method, seed)
    write_run(outputs, "modules", 0, dataset="letters")
    write_pictures(outputs)
    return outputs


@pytest.fixture(scope="module")
def all_rows(outputs: Path) -> pd.DataFrame:
    runs = sorted(file.parent for file in outputs.rglob("results.csv"))
    return rows_of(runs, collect(runs, []))


@pytest.fixture(scope="module")
def rows(all_rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the data that is shown first."""
    return all_rows[all_rows["dataset"] == "digits"]


@pytest.fixture(scope="module")
def url(outputs: Path, all_rows: pd.DataFrame) -> str:
    runs = [
        write_run_of_bits(outputs / f"runs/boolean/{model}{i}", model=model, fraction=fraction, found=model != "mlp")
        for model in ("mlp", "modular")
        for i, fraction in enumerate((0.25, 0.5, 0.75))
    ]
    (path,) = write_page(all_rows, groups(read_bits(runs)[0], collect(runs, [])), outputs.parent)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_argument("--window-size=1400,1000")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the driver's sockets
        try:
            driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        except WebDriverException as error:
            pytest.skip(f"the browser does not start: {str(error).splitlines()[0]}")
        driver.set_script_timeout(100)
        yield driver
        driver.quit()


class Page:
    """The page as a reader sees it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        found: list[str] = self.driver.execute_script(script, css)
        return found

    def text(self, css: str) -> str:
        (text,) = self.texts(css)
        return text

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def focus(self, css: str) -> None:
        """Give the focus as the keyboard would: with its ring."""
        self.driver.execute_script("document.querySelector(arguments[0]).focus({ focusVisible: true })", css)

    def hover(self, css: str, x: float = 0, y: float = 0) -> None:
        """Move the pointer over an element, off its centre by x and y."""
        self.driver.execute_script("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", css)
        ActionChains(self.driver).move_to_element_with_offset(self.one(css), round(x), round(y)).perform()

    def tooltip(self) -> list[str]:
        return self.texts("#tooltip:not([hidden]) > *")

    def dialog(self) -> str:
        return self.text("dialog[open] h2")


@pytest.fixture
def page(browser: webdriver.Chrome, url: str) -> Iterator[Page]:
    """The page, freshly opened; after the test it must have said no error and asked no network."""
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what came before
    pointer = ActionBuilder(browser)
    pointer.pointer_action.move_to_location(1, 1)  # not over what the last test hovered over, nor what scrolls there
    pointer.perform()
    browser.get(url)
    WebDriverWait(browser, 20).until(lambda one: one.execute_script("return document.documentElement.dataset.ready"))
    yield Page(browser)
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {one for one in asked if not one.startswith("data:")} == {url}


def expected(rows: pd.DataFrame, method: str) -> "pd.Series[float]":
    return rows[rows["method"] == method].groupby("composition")["accuracy"].mean()


def test_table_shows_the_numbers_of_the_csv(page: Page, rows: pd.DataFrame) -> None:
    assert sorted(page.texts("#table tbody th")) == sorted(NAMES)
    for column, method in enumerate(METHODS):
        shown = dict(
            zip(page.texts("#table tbody th"), page.texts(f"#table tbody td:nth-child({column + 3})"), strict=True)
        )
        for name, accuracy in expected(rows, method).items():
            assert float(shown[str(name)]) == pytest.approx(accuracy, abs=0.0501)
    assert page.texts("#table thead small") == ["n = 3"] * 3


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    rows = with_lines(rows.assign(settings=""))
    return with_names(by_number(rows, "accuracy", rows), rows)


def test_summary_shows_means_and_intervals_of_the_table_over_seeds(page: Page, rows: pd.DataFrame) -> None:
    cells = over_seeds(rows).set_index(["method", "n_corruptions"])
    for row, method in enumerate(METHODS):
        shown = page.texts(f"#summary tbody tr:nth-child({row + 1}) td")
        assert shown[0] == "3"
        for number, text in enumerate(shown[1:]):
            mean, interval = map(float, text.split(" ± "))
            assert mean == pytest.approx(cells.loc[(method, number), "accuracy"], abs=0.0501)
            assert interval == pytest.approx(cells.loc[(method, number), "interval"], abs=0.0501)


def test_bold_is_what_a_paired_test_does_not_tell_from_the_best(page: Page, rows: pd.DataFrame) -> None:
    alike = {(line.split()[0], number) for line, number in best(with_lines(rows.assign(settings="")))}
    numbers = sorted(rows["n_corruptions"].unique())
    for row, method in enumerate(METHODS):
        cells = page.all(f"#summary tbody tr:nth-child({row + 1}) td")[1:]
        bold = [
            number for number, cell in zip(numbers, cells, strict=True) if "best" in (cell.get_attribute("class") or "")
        ]
        assert bold == [number for number in numbers if (method, number) in alike]
    assert 0 < len(alike) < len(numbers) * len(METHODS)


def test_bold_compares_on_the_compositions_that_both_have(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The worse method was tested on one easy pair: its mean is the highest, and not higher than the other's there."""
    runs = [write_run(tmp_path / "outputs", method, seed) for method in ("cross_entropy", "modules") for seed in SEEDS]
    results = [pd.read_csv(run / "results.csv") for run in runs]
    pairs = results[0][results[0]["n_corruptions"] == 2].sort_values("accuracy")
    for run, rows in zip(runs[:3], results[:3], strict=True):
        rows[rows["composition"].isin(pairs["composition"][-1:])].to_csv(run / "results.csv", index=False)
    rows = rows_of(runs, collect(runs, []))
    alike = {line.split()[0] for line, number in best(with_lines(rows.assign(settings=""))) if number == 2}
    (path,) = write_page(rows, [], tmp_path)
    browser.get(path.as_uri())
    WebDriverWait(browser, 20).until(lambda one: one.execute_script("return document.documentElement.dataset.ready"))
    head = Page(browser).texts("#summary thead th")
    bold = Page(browser).texts(f"#summary tbody tr:has(td.best:nth-child({head.index('2') + 1})) th")
    assert {text.split()[-1] for text in bold} == alike == {"cross_entropy", "modules"}


def test_sorting_by_click_and_by_keyboard(page: Page, rows: pd.DataFrame) -> None:
    column = "#table tbody td:nth-child(5)"
    page.one("#table thead th:nth-child(5) button").click()
    down = [float(text) for text in page.texts(column)]
    assert down == sorted(down, reverse=True)
    assert page.one("#table thead th:nth-child(5)").get_attribute("aria-sort") == "descending"
    page.press(Keys.ENTER)  # the button keeps the focus
    assert [float(text) for text in page.texts(column)] == down[::-1]
    assert page.one("#table thead th:nth-child(5)").get_attribute("aria-sort") == "ascending"
    assert page.text("#said") == "sorted by modules, ascending"
    page.focus("#table thead th:first-child button")
    page.press(Keys.SPACE)
    assert page.texts("#table tbody th") == sorted(NAMES)
    assert len(page.all("#table [aria-sort]")) == 1


def test_filters_by_text_number_content_and_method(page: Page) -> None:
    assert page.text("#rows").startswith("167 of 167 compositions, 3 of 3 methods")
    page.one("#text").send_keys("swirl-inv")
    found = [name for name in NAMES if "Swirl-Inv" in name]
    assert sorted(page.texts("#table tbody th")) == sorted(found)
    assert page.text("#rows").startswith(f"{len(found)} of 167 compositions")
    Select(page.one("#count")).select_by_value("3")
    found = [name for name in found if name.count("-") == 2]
    assert found and sorted(page.texts("#table tbody th")) == sorted(found)
    page.one("#filters [type=reset]").click()
    assert len(page.texts("#table tbody th")) == 167
    Select(page.one("#containing")).select_by_value("Contrast")
    assert sorted(page.texts("#table tbody th")) == sorted(name for name in NAMES if "Contrast" in name)
    page.one("#methods summary").click()
    page.one("#methods-list label:nth-child(2)").click()
    assert [text.split()[0] for text in page.texts("#table thead button")[2:]] == ["cross_entropy", "modules"]
    page.press(Keys.ESCAPE)
    page.one("#text").send_keys("nothing has this name")
    assert page.texts("#table tbody th") == []
    page.one("#filters [type=reset]").click()
    page.one("#methods summary").click()
    page.one("#methods-none").click()
    assert len(page.texts("#table thead button")) == 2 and page.texts("#summary tbody th") == ["compositions"]


def test_other_data(page: Page, all_rows: pd.DataFrame) -> None:
    assert page.texts("#view option") == ["digits test", "letters test", "boolean"]
    Select(page.one("#view")).select_by_visible_text("letters test")
    some = all_rows[all_rows["dataset"] == "letters"].set_index("composition")["accuracy"]
    shown = dict(zip(page.texts("#table tbody th"), page.texts("#table tbody td:nth-child(3)"), strict=True))
    for name, accuracy in some.items():
        assert float(shown[str(name)]) == pytest.approx(accuracy, abs=0.0501)
    assert len(page.texts("#table thead button")) == 3
    assert page.text("#lead").startswith("letters, split test: 1 run of 1 method,")
    identity = page.text("#summary tbody tr:first-child td:nth-child(3)")
    assert identity == f"{some['Identity']:.1f}"  # one seed: no interval
    assert page.text("#examples-note").startswith("No example images are stored")


def test_filters_reach_the_summary(page: Page, rows: pd.DataFrame) -> None:
    page.one("#text").send_keys("Swirl-Contrast")
    some = over_seeds(rows[rows["composition"].str.contains("Swirl-Contrast")]).set_index(["method", "n_corruptions"])
    first = float(page.text("#summary tbody tr:nth-child(3) td:nth-child(3)").split()[0])
    assert first == pytest.approx(some.loc[("modules", 2), "accuracy"], abs=0.0501)


def test_box_plot_by_keyboard_tells_boxes_and_points_and_opens_a_run(page: Page, rows: pd.DataFrame) -> None:
    page.focus("#boxes")
    assert page.tooltip()[0] == "cross_entropy, 0 corruptions"
    page.press(Keys.ARROW_RIGHT * 5)
    some = rows[(rows["method"] == "modules") & (rows["n_corruptions"] == 1)]
    quartiles = some["accuracy"].quantile([0.25, 0.5, 0.75])
    words = ["modules, 1 corruption", f"median {quartiles[0.5]:.1f} %"]
    words += [page.tooltip()[2], f"{len(some)} points"]
    assert page.tooltip() == words and page.text("#said") == "; ".join(words)
    assert page.tooltip()[2].startswith(f"quartiles {quartiles[0.25]:.1f} to {quartiles[0.75]:.1f}")
    page.press(Keys.ARROW_UP)
    name, run, numbers = page.tooltip()
    seed = int(run.removeprefix("modules, seed "))
    (row,) = some[(some["seed"] == seed) & (some["composition"] == name)].to_dict("records")
    assert numbers == f"{row['accuracy']:.2f} %, loss {row['loss']:.3f}"
    assert page.text("#examples-name") == name
    page.press(Keys.ENTER)
    assert page.dialog() == f"modules, seed {seed}"
    folder = Path(row["run"])
    assert page.texts("dialog pre")[0].rstrip() == (folder / "config.yaml").read_text().rstrip()
    assert page.texts("dialog pre")[1].splitlines() == (folder / "run.log").read_text().splitlines()[-20:]
    assert page.texts("dialog pre mark") == [f"seed: {seed}\n", "  name: modules\n"]
    assert page.text("dialog dd:has(a)") == folder.as_posix()
    link = page.one("dialog dd a").get_attribute("href")
    assert link is not None and link.rstrip("/") == folder.as_uri()
    for _ in range(6):  # the focus stays in the dialog
        page.press(Keys.TAB)
        assert page.driver.execute_script(
            "const e = document.activeElement; return e === document.body || !!e.closest('dialog')"
        )
    page.press(Keys.ESCAPE)
    assert page.all("dialog[open]") == []
    assert page.driver.execute_script("return document.activeElement.id") == "boxes"


def test_box_plot_by_mouse(page: Page) -> None:
    page.hover("#boxes svg g:nth-of-type(2)")
    assert page.tooltip()
    before = page.tooltip()
    page.hover("#boxes svg g:nth-of-type(20)")
    assert page.tooltip() != before
    found = page.driver.execute_script("const p = plot.columns[20].points[7]; return [p.x, p.y, p.composition]")
    x, y, composition = found
    size = page.one("#boxes .sheet").rect
    page.hover("#boxes .sheet", x - size["width"] / 2, y - size["height"] / 2)
    ActionChains(page.driver).click().perform()
    assert page.dialog().startswith("modules, seed")
    names = page.driver.execute_script("return state.view.compositions")
    assert names[composition] in page.texts("dialog dt")
    page.one("dialog .close").click()
    assert page.all("dialog[open]") == []


def test_heat_map_by_keyboard_and_mouse(page: Page, rows: pd.DataFrame) -> None:
    page.focus("#heat")
    assert page.tooltip()[:2] == ["Identity", "cross_entropy"]
    page.press(Keys.ARROW_DOWN * 2, Keys.ARROW_RIGHT)
    name, method, numbers = page.tooltip()
    assert (method, name.count("-")) == ("modules", 0)
    assert float(numbers.split()[0]) == pytest.approx(expected(rows, "modules")[name], abs=0.0501)
    assert numbers.endswith("% (n = 3)") and page.text("#said").startswith(f"{name}; modules")
    page.press(Keys.ENTER)
    assert page.dialog() == name
    assert [text.strip() for text in page.texts("dialog tbody button")] == [f"C modules, seed {seed}" for seed in SEEDS]
    some = rows[(rows["method"] == "modules") & (rows["composition"] == name)].sort_values("seed")
    assert page.texts("dialog tbody td:nth-child(2)") == [f"{accuracy:.2f}" for accuracy in some["accuracy"]]
    page.one("dialog tbody tr:nth-child(2) button").click()
    assert page.dialog() == "modules, seed 1"
    page.press(Keys.ESCAPE)
    page.hover("#heat .sheet", 40)
    assert page.tooltip()[0] in NAMES and page.text("#examples-name") == page.tooltip()[0]


def test_examples_follow_the_cursor_and_the_focus(page: Page) -> None:
    def seen() -> tuple[str, str, list[str]]:
        last = page.all("#examples .tiles")[-1]
        tile = last.find_element(By.CSS_SELECTOR, ".tile:nth-child(2)")
        place = tile.value_of_css_property("background-position")
        return page.text("#examples-name"), str(last.get_attribute("aria-label")), place.split()

    page.focus("#table tbody tr:nth-child(4) button")
    name = page.texts("#table tbody th")[3]
    row = NAMES.index(name)
    assert seen() == (name, f"Test images (classes 5, 9) under {name}", ["-56px", f"{-56 * row}px"])
    assert page.texts("#examples figcaption") == ["as they are", name.replace("-", " → ")]
    page.hover("#table tbody tr:nth-child(6) td:nth-child(3)")
    assert seen()[0] == page.texts("#table tbody th")[5]
    width = page.driver.execute_async_script(
        "const [uri, done] = [report.examples[0].uri, arguments[0]];"
        "const image = new Image(); image.onload = () => done(image.naturalWidth); image.src = uri;"
    )
    assert width == 16  # the policy lets the picture in
    page.focus("#table tbody tr:nth-child(4) button")
    page.press(Keys.ENTER)
    assert page.dialog() == name and len(page.all("dialog .tile")) == 4
    assert len(page.texts("dialog tbody tr")) == 9


def test_dark_and_light(page: Page) -> None:
    def background() -> str:
        return page.one("body").value_of_css_property("background-color")

    def scheme(name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    scheme("light")
    light = background()
    Select(page.one("#theme")).select_by_value("dark")
    dark = background()
    assert dark != light and page.driver.execute_script("return ink('paper')") == "#14171c"
    scheme("dark")
    Select(page.one("#theme")).select_by_value("light")
    assert background() == light
    Select(page.one("#theme")).select_by_value("")
    assert background() == dark
    scheme("light")
    assert background() == light


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 400)])
def test_everything_has_a_name_a_role_and_a_contrast(page: Page, theme: str, width: int) -> None:
    """By axe-core's rules for WCAG 2 A and AA, with a dialog open and without."""
    axe = find_spec("axe_core_python")
    if axe is None or axe.origin is None:
        pytest.skip("no axe-core: pip install axe-core-python")
    script = Path(axe.origin).with_name("axe.min.js")
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        Select(page.one("#theme")).select_by_value(theme)
        Select(page.one("#count")).select_by_value("1")  # a short table: axe looks at every cell
        page.driver.execute_script(script.read_text())
        run = "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'best-practice'] }).then(arguments[0])"
        for opened in ("", "openRun(0, 3)", "openRuns(3, shownGroups())"):
            page.driver.execute_script(opened)
            result = page.driver.execute_async_script(run)
            faults = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in result["violations"]]
            assert faults == []
            assert len(result["passes"]) > 15
        overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.driver.execute_script(overflow) == 0
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_structure_for_screen_readers(page: Page) -> None:
    """What needs no axe: one first heading, no level left out, named controls, heads of tables."""
    levels = [
        int(text[1])
        for text in page.driver.execute_script(
            "return [...document.querySelectorAll('h1, h2, h3')].map((e) => e.tagName)"
        )
    ]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    for control in page.all("#filters :is(select, input, button), #theme, [role=application], [role=region]"):
        assert control.accessible_name or not control.is_displayed()
    for table in ("#summary", "#table"):
        assert page.texts(f"{table} caption") and len(page.all(f"{table} thead th:not([scope=col])")) == 0
        assert len(page.all(f"{table} tbody tr")) == len(page.all(f"{table} tbody th[scope=row]"))
    assert page.one("#rows").aria_role == "status" and page.one("#said").get_attribute("aria-live") == "polite"
    assert page.one("html").get_attribute("lang") == "en"


def select_bits(page: Page) -> None:
    Select(page.one("#view")).select_by_visible_text("boolean")


def test_structured_data_has_tables_charts_and_a_way_down_to_its_runs(page: Page) -> None:
    select_bits(page)
    assert page.text("#lead") == "boolean: 6 runs with 18 seeds in 6 lines." and page.text("h1") == "Modular structure"
    assert [one.is_displayed() for one in page.all("#table, #examples, #text")] == [False] * 3
    assert page.texts("#summary thead th") == ["Method", "n", "train", "test"]
    assert page.texts("#summary tbody tr:first-child td") == ["3", "90.0 ± 24.8", "90.0 ± 24.8"]
    head = ["Line", "n", "parameters", "epochs to 95 %", "epochs to 100 %", "inputs found", "modules found"]
    assert page.texts("#measures thead th") == [*head, "all modules found"]
    assert page.texts("#measures tbody tr:last-child td") == [
        *("3", "90", "2.5 (2 of 3)", "3.5 (2 of 3)", "60.0 ± 24.8", "25.0 ± 0.0", "0.0 ± 0.0")
    ]
    assert page.texts("#seeds tbody tr:nth-child(2) td") == ["1", "80.0", "80.0", "never", "never", NONE, NONE]
    page.one("#seeds thead th:nth-child(4) button").click()
    assert page.texts("#seeds tbody td:nth-child(4)") == ["100.0"] * 6 + ["90.0"] * 6 + ["80.0"] * 6
    page.one("#seeds tbody tr:last-child button").click()
    assert page.dialog() == "modular dataset.train_fraction=0.75, seed 1"
    facts = dict(zip(page.texts("dialog dt"), page.texts("dialog dd"), strict=True))
    assert facts["test"] == "accuracy 80.00 %, loss 0.5000" and facts["inputs found"] == "60.0"
    assert "train_fraction: 0.75" in page.texts("dialog pre")[0]
    page.press(Keys.ESCAPE)
    Select(page.one("#view")).select_by_visible_text("digits test")
    assert page.one("#table").is_displayed() and not page.one("#seeds").is_displayed()


def test_line_charts_by_keyboard_and_mouse(page: Page) -> None:
    select_bits(page)
    assert page.texts("#setting option") == ["dataset.train_fraction"]
    page.focus("#against")
    assert page.tooltip() == ["mlp", "dataset.train_fraction 0.25: 90.0 ± 24.8", "n = 3"]
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert page.text("#said") == "modular; dataset.train_fraction 0.5: 90.0 ± 24.8; n = 3"
    page.focus("#curves")
    page.press(Keys.END)
    assert page.tooltip() == ["mlp dataset.train_fraction=0.25", "epoch 4: 90.0 ± 24.8", "n = 3"]
    Select(page.one("#curve")).select_by_value("train_loss")
    page.focus("#curves")
    assert page.tooltip()[1] == "epoch 1: 0.5000 ± 0.0000"
    place = page.driver.execute_script(
        "const { at, up, lines } = charts.get(document.querySelector('#against'));"
        "const { x, mean } = lines[1].points.at(-1); return [at(x), up(mean)]"
    )
    size = page.one("#against .sheet").rect
    page.hover("#against .sheet", place[0] - size["width"] / 2, place[1] - size["height"] / 2)
    assert page.tooltip()[1] == "dataset.train_fraction 0.75: 90.0 ± 24.8"


@pytest.mark.parametrize("data", ["digits test", "boolean"])
def test_on_paper_everything_is_there_once_and_nothing_is_cut(page: Page, data: str) -> None:
    Select(page.one("#view")).select_by_visible_text(data)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    size = {"width": 703, "height": 1000, "deviceScaleFactor": 1, "mobile": False}  # A4 within its margins
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        cut = (
            "const more = (e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > Math.max(1, e.clientHeight) + 1;"
            "return [...document.querySelectorAll('.scroll, .chart, body')]"
            ".filter((e) => e.getClientRects().length && more(e)).map((e) => e.className)"
        )
        assert page.driver.execute_script(cut) == []
        assert [one for one in page.all("select, input, form button, .hint") if one.is_displayed()] == []
        rows = page.all("#table tbody tr" if data == "digits test" else "#seeds tbody tr")
        assert sum(row.is_displayed() for row in rows) == (167 if data == "digits test" else 18)
        assert page.one("aside").value_of_css_property("position") == "static"
        page.driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("width", [360, 800])
@pytest.mark.parametrize("data", ["digits test", "boolean"])
def test_on_a_narrow_screen_what_is_wider_says_so(page: Page, data: str, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        Select(page.one("#view")).select_by_visible_text(data)
        told = "const [done] = arguments; requestAnimationFrame(() => setTimeout(() => done("
        told += "[...document.querySelectorAll('.scroll, .chart')].filter((e) => e.clientWidth).map((e) => "
        told += "[e.scrollWidth > e.clientWidth + 1, !e.previousElementSibling.hidden]))))"
        found = page.driver.execute_async_script(told)
        assert found and all(wide == hint for wide, hint in found)
        assert any(wide for wide, _ in found)  # so the hint is tried
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

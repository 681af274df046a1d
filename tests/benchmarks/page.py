"""How long the page of 2,000 runs takes to write, to open, to filter and to sort, and how large it is.

    python tests/benchmarks/page.py [learning rates that the runs differ in, 1 by default]

Made-up results: five methods under 167 compositions, 334,000 points.
"""

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from made_up import QUALITY, write_pictures, write_run

RUNS = 2000
READY = "return document.documentElement.dataset.ready"
# A frame after the change, all of it has been laid out and painted.
CHANGE = """
const [id, value, kind, done] = arguments, begun = performance.now(), control = document.querySelector(id);
if (value === null) control.click(); else { control.value = value; control.dispatchEvent(new Event(kind)); }
requestAnimationFrame(() => setTimeout(() => done((performance.now() - begun) / 1000)));
"""


def timed(what: str, do: Callable[[], object]) -> None:
    begun = time.perf_counter()
    do()
    print(f"{what}: {time.perf_counter() - begun:.1f} s")


def main() -> None:
    rates = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        cells = [(method, 0.1 / (1 + rate)) for method in QUALITY for rate in range(rates)]
        runs = sorted(
            write_run(outputs, *cells[i % len(cells)][:1], i // len(cells), cells[i % len(cells)][1])
            for i in range(RUNS)
        )
        write_pictures(outputs)
        from modrobust.report.page import write_page
        from modrobust.report.read.facts import collect
        from modrobust.report.tables.images import rows_of

        rows = rows_of(runs, collect(runs, []))
        timed(f"write the page of {len(rows)} points", lambda: write_page(rows, [], Path(folder)))
        page = Path(folder) / "report.html"
        print(
            f"size: {page.stat().st_size / 1e6:.1f} MB; memory of this process: "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB"
        )
        browse(page)


def browse(page: Path) -> None:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.binary_location = str(shutil.which("chromium"))
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))

    def open_page() -> None:
        driver.get(page.as_uri())
        WebDriverWait(driver, 120, 0.05).until(lambda one: one.execute_script(READY))

    timed("open", open_page)
    changes = [("sort", "#table thead th:nth-child(4) button", None, ""), ("filter by text", "#text", "Swirl", "input")]
    changes += [("filter by number", "#count", "3", "change"), ("all methods", "#methods-all", None, "")]
    changes += [("dark", "#theme", "dark", "change"), ("no filter", "[type=reset]", None, "")]
    for what, *how in changes:
        print(f"{what}: {driver.execute_async_script(CHANGE, *how):.2f} s")
    begun = "const begun = performance.now();"
    for what, script in (
        ("hover over a point", "pointAt(plot.columns[9], plot.columns[9].points[9])"),
        ("run", "openRun(9, 9)"),
    ):
        print(f"{what}: {driver.execute_script(f'{begun} {script}; return (performance.now() - begun) / 1000'):.3f} s")
    heap = driver.execute_script("return performance.memory.usedJSHeapSize")
    print(f"memory of the page's script: {heap / 1e6:.0f} MB; errors: {driver.get_log('browser')}")
    driver.quit()


if __name__ == "__main__":
    main()

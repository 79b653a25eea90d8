"""Owns a person at the Prefect UI: gives the password, opens a deployment, presses Quick run.

Invariant: clicks only what is on the page, and leaves a picture of each page. Does not know what is started.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as conditions
from selenium.webdriver.support.wait import WebDriverWait

from nightsort.errors import RunError

_BROWSER, _DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_PATIENCE = 120  # seconds for a page of a busy machine
_FORM = "Run Deployment"  # title of the form with the parameters


def is_there() -> bool:
    """Whether this machine has the browser."""
    return _BROWSER.exists() and _DRIVER.exists()


class Person:
    """Somebody who knows the password; made by :func:`person`.

    :param pictures: folder for what was on the screen
    """

    def __init__(self, driver: webdriver.Chrome, page: str, pictures: Path) -> None:
        self._driver, self._page, self._pictures = driver, page, pictures
        self._wait = WebDriverWait(driver, _PATIENCE)

    def log_in(self, password: str) -> None:
        """Give the password to the page that asks for it."""
        self._driver.get(self._page)
        field = self._wait.until(conditions.element_to_be_clickable((By.CSS_SELECTOR, "input[type=password]")))
        self._keep("login")
        field.send_keys(password, Keys.ENTER)
        self._wait.until(lambda driver: "login" not in driver.current_url and "unauth" not in driver.current_url)

    def quick_run(self, deployment: str, name: str) -> None:
        """Open a deployment, press Run and Quick run, and Run again below the parameters that it shows."""
        self._driver.get(f"{self._page}/deployments/deployment/{deployment}")
        self._press("Run")
        self._press("Quick run")
        self._wait.until(lambda driver: _FORM in _text(driver))
        self._keep(name)
        self._press("Run")
        self._wait.until(lambda driver: _FORM not in _text(driver))

    def _press(self, words: str) -> None:
        """Press what says these words; of several the last, which lies on top."""
        said = f"normalize-space(.)='{words}'"
        place = f"(//*[self::button or self::a or @role='menuitem'][{said}] | //*[{said} and not(*[{said}])])[last()]"
        try:
            self._wait.until(conditions.element_to_be_clickable((By.XPATH, place))).click()
        except TimeoutException:
            self._keep("fault")
            raise RunError(f"{self._driver.current_url}: nothing to press says {words!r}") from None

    def _keep(self, name: str) -> None:
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._driver.save_screenshot(str(self._pictures / f"{name}.png"))


def _text(driver: webdriver.Chrome) -> str:
    return str(driver.find_element(By.TAG_NAME, "body").text)


@contextmanager
def person(page: str, pictures: Path) -> Iterator[Person]:
    """A browser with a profile of its own, for the length of a with-block.

    :param page: address of the UI
    """
    options = webdriver.ChromeOptions()
    options.binary_location = str(_BROWSER)
    with TemporaryDirectory(prefix="nightsort-chromium-", ignore_cleanup_errors=True) as profile:
        for option in (*_OPTIONS, "--window-size=1400,1000", f"--user-data-dir={profile}"):
            options.add_argument(option)
        driver = webdriver.Chrome(options=options, service=Service(str(_DRIVER)))
        try:
            yield Person(driver, page, pictures)
        finally:
            driver.quit()

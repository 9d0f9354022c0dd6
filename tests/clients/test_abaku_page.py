"""The case study's page in a real browser: signed up and in by the hosted pages with PKCE, used, and told live of what
happens. Screenshots are kept in test-artefacts/, which git ignores."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.abaku.application import Abaku, Firm, until
from tests.clients import packages
from tests.clients.conftest import installed

KEPT = Path(__file__).resolve().parents[2] / "test-artefacts"
PASSWORD = "Correct-Horse-7"
WAIT_SECONDS = 20

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def programs() -> tuple[str, str]:
    """Chromium and its driver."""
    return str(installed(packages.browser)), str(shutil.which("chromedriver"))


class Page:
    """What a person does and sees in the browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def find(self, selector: str, text: str = "", then: Callable[[Any], Any] = lambda element: element) -> Any:
        """What `then` makes of the first element that has the text, as soon as it is there. The page draws itself anew
        when something happens: an element that is gone is looked for again."""
        from selenium.common.exceptions import StaleElementReferenceException

        def look() -> Any:
            try:
                found = self.driver.find_elements("css selector", selector)
                element = next((element for element in found if text in element.text), None)
                return None if element is None else (then(element),)
            except StaleElementReferenceException:
                return None

        return until(look, f"{selector} {text}".strip(), WAIT_SECONDS)[0]

    def click(self, selector: str, text: str = "") -> None:
        self.find(selector, text, lambda element: element.click())

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.find(f'input[name="{name}"]').send_keys(value)

    def keep(self, name: str) -> None:
        KEPT.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(KEPT / f"abaku-{name}.png"))

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(programs: tuple[str, str], request: pytest.FixtureRequest) -> Iterator[Page]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: make setup")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000", "--lang=en"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    made = Page(driver)
    try:
        yield made
    finally:
        made.keep(f"last-{request.node.name}")
        driver.quit()


def sign_up(page: Page, abaku: Abaku, email: str) -> Firm:
    """By the hosted pages, from the page's button to the page itself."""
    page.driver.get(abaku.url)
    page.keep("welcome")
    page.click("#sign-in")
    page.click("a", "Create an account")
    page.find("h1", "Create an account")
    page.keep("sign-up")
    page.fill(**{"username": email, "attribute.name": "Ana Design", "password": PASSWORD})
    page.click("button")
    mail = until(lambda: [mail for mail in abaku.outbox() if mail["to"] == email], "the mail")[0]
    page.find('input[name="code"]').send_keys(re.search(r"code is (\d+)", mail["body"])[1])  # type: ignore[index]
    page.click("button")
    page.find("h1", "Sign in")
    page.fill(password=PASSWORD)
    page.click("button")
    page.find("#live.on")
    made = Firm(abaku, email, PASSWORD)
    made.sign_in()
    return made


def new_invoice(page: Page, customer: str, amount: str) -> str:
    page.fill(customer=customer, phone="+420601234567", text="Logo and letterhead", amount=amount)
    page.keep("new-invoice")
    page.click("#new-invoice button")
    row = page.find("#invoices tbody tr", customer, lambda element: element.get_attribute("data-number"))
    return str(row)


def status_of(page: Page, number: str) -> Callable[[str], Any]:
    return lambda text: page.find(f'#invoices tr[data-number="{number}"] .badge', text)


def test_an_invoice_is_seen_paid_live(abaku: Abaku, page: Page, tmp_path: Path) -> None:
    """The whole way of a user: account, invoice, attachment, payment, and out again; nothing in the console."""
    firm = sign_up(page, abaku, "live@ana-design.example")
    number = new_invoice(page, "Brno Bikes", "1210.00")
    page.find('#news li[data-type="InvoiceIssued"]', number)
    status_of(page, number)("Open")
    page.keep("issued")

    page.click("#invoices a", number)
    sketch = tmp_path / "sketch.png"
    sketch.write_bytes(b"a picture")
    page.find("#attachments")
    page.driver.find_element("css selector", "#file").send_keys(str(sketch))
    page.find("#attachments li", "sketch.png (9 bytes)")
    page.keep("invoice")
    page.click("a", "All invoices")

    status_of(page, number)("Open")
    firm.drop_statement("live", f"L-1,{firm.invoice(number)['issuedOn']},1210.00,EUR,{number},Brno Bikes")
    status_of(page, number)("Paid")
    page.find('#news li[data-type="PaymentReceived"]', "1210.00 EUR came from Brno Bikes")
    page.find(".card.paid", "€1,210.00")
    page.keep("paid")

    page.driver.get(f"{abaku.url}invoices/{number}")  # a path of the page, not of a file
    page.find(".invoice h2", f"Invoice {number}")
    page.find(".invoice .badge", "Paid")
    assert page.complaints() == []
    page.click("header button", "Sign out")
    page.find("#sign-in")
    page.driver.get(f"{abaku.url}invoices/{number}")
    page.find("#sign-in")


def test_reminders_are_seen_live_after_the_tokens_have_expired(abaku: Abaku, page: Page) -> None:
    """Two weeks pass while the page is open: it gets fresh tokens by itself, and shows what happened meanwhile."""
    sign_up(page, abaku, "reminded@ana-design.example")
    number = new_invoice(page, "Plzen Pubs", "399.00")
    page.find('#news li[data-type="InvoiceIssued"]', number)
    abaku.mrak("clock", "--env", abaku.sandbox, "advance", "15d")
    status_of(page, number)("Reminded 1")
    page.find(".card.late", "€399.00")
    page.keep("reminded")


def test_a_wrong_form_is_explained(abaku: Abaku, page: Page) -> None:
    """What the API refuses is said beside the form, and what was typed stays."""
    sign_up(page, abaku, "wrong@ana-design.example")
    page.fill(customer="   ", phone="+420601234567", text="Logo", amount="10.00")
    page.click("#new-invoice button")
    page.find("#new-invoice .problem", "customer.name is missing.")
    assert page.find('input[name="amount"]').get_attribute("value") == "10.00"

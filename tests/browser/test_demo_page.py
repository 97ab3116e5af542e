"""The demo as a person sees it, in a real browser, by keyboard."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.test_approval_page import MESSAGE, WHO

pytestmark = pytest.mark.browser


class PageErrors:
    """Everything that a page should never do: complain in the console, fail, or call another host."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        page.on("console", lambda message: self._note(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", lambda request: self._check_host(request.url))

    def _note(self, text: str) -> None:
        self.found.append(text)

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "data" and parts.hostname != "127.0.0.1":
            self._note(url)


async def send(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name=MESSAGE).fill(text)
    await page.keyboard.press("Enter")


async def switch_person(page: Page, user: str) -> None:
    await page.get_by_label(WHO).select_option(user)
    await expect(page).to_have_url(re.compile(rf"[?&]as={user}\b"))


def find_messages(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("article")


async def press(where: Locator, label: str) -> None:
    """Press a button by keyboard."""
    button = where.get_by_role("button", name=re.compile(rf"^{label}\b")).first
    await button.focus()
    await button.press("Enter")


async def choose_entry(where: Locator, flow: int, label: str) -> None:
    """Open a flow's menu and choose an entry, by keyboard."""
    row = where.locator(".block-section").filter(has_text=f"#{flow} ")
    await row.locator("summary").focus()
    await row.locator("summary").press("Enter")
    await row.locator("summary").press("ArrowDown")
    entries = row.locator("menu").get_by_role("button")
    await expect(entries.first).to_be_focused()
    await expect(entries.first).to_have_accessible_description(re.compile(f"#{flow} "))
    await entries.first.press("ArrowUp")
    await expect(entries.last).to_be_focused()
    await row.get_by_role("button", name=label, exact=True).press("Enter")


async def count_flows_in_sight(page: Page) -> int:
    """Count the flows of a list whose two lines stand in the window whole."""
    window = await page.locator("#scroller").bounding_box()
    rows = await page.get_by_role("log").locator(".block-section").filter(has_text=re.compile(r"#\d+ ")).all()
    boxes = [await row.bounding_box() for row in rows]
    assert window
    top, bottom = window["y"], window["y"] + window["height"]
    return sum(bool(box) and box["y"] >= top and box["y"] + box["height"] <= bottom for box in boxes if box)


async def test_a_list_shows_eight_flows_at_a_glance(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.goto(f"{address}/?as=U0EMMA")
    await send(page, "/flows list")
    await expect(find_messages(page).filter(has_text="Page 1 of")).to_have_count(1)
    assert await count_flows_in_sight(page) >= 8
    last = find_messages(page).locator(".block-section").filter(has=page.locator("summary")).last
    await last.locator("summary").click()
    await expect(last.get_by_role("button", name="Delete")).to_be_in_viewport(ratio=1)


async def test_a_person_lists_pages_opens_and_shares(page: Page, address: str) -> None:
    trouble = PageErrors(page)
    await page.goto(f"{address}/?as=U0EMMA")
    await send(page, "/flows list")
    answer = find_messages(page).filter(has_text="Page 1 of")
    await expect(answer).to_have_class(re.compile("ephemeral"))
    await press(answer, "Next")
    second = find_messages(page).filter(has_text="Page 2 of")
    await expect(second).to_have_count(1)
    await expect(answer).to_have_count(0)
    await press(second, "Previous")
    await expect(answer).to_have_count(1)
    await choose_entry(answer, 40, "Show")
    shown = find_messages(page).filter(has_text="As a subscriber sees it")
    await expect(shown).to_have_class(re.compile("ephemeral"))
    await press(shown, "Share")
    shared = page.locator("[role=log] article:not(.ephemeral)").filter(has_text="As a subscriber sees it")
    await expect(shared).to_have_count(1)

    await switch_person(page, "U0BURAK")
    await expect(page.locator("[role=log] article:not(.ephemeral)").filter(has_text="Emma")).not_to_have_count(0)
    await expect(page.locator("[role=log] article.ephemeral")).to_have_count(0)
    assert trouble.found == []


async def test_a_person_sees_what_was_sent_by_day(page: Page, address: str) -> None:
    await page.goto(f"{address}/?as=U0EMMA")
    await send(page, "/flows stats 30d")
    answer = find_messages(page).filter(has_text="Best click rates")
    await expect(answer.get_by_role("figure")).to_contain_text("Sent")


async def test_shortcuts_stand_at_the_side_and_in_the_menu_of_a_message(page: Page, address: str) -> None:
    trouble = PageErrors(page)
    await page.goto(f"{address}/?as=U0EMMA")
    await press(page.get_by_role("group", name="Shortcuts"), "Push flows")
    await press(page.get_by_role("dialog"), "Choose")
    await expect(page.get_by_role("dialog").get_by_text("#40").first).to_be_visible()
    await page.keyboard.press("Escape")
    await send(page, "Winter sale")
    written = find_messages(page).filter(has_text="Winter sale").last
    menu = written.get_by_label("Message actions")
    await menu.focus()
    await menu.press("Enter")
    await press(written, "Make a push of this message")
    await press(page.get_by_role("dialog"), "Choose")
    await expect(page.get_by_role("dialog").get_by_label("Title").first).to_have_value("Winter sale")
    assert trouble.found == []


async def test_a_workflow_asks_its_reader_who_requests_approval(page: Page, address: str) -> None:
    trouble = PageErrors(page)
    await page.goto(f"{address}/?as=U0EMMA")
    await press(page.get_by_role("group", name="Shortcuts"), "Workflow: enable #40")
    await page.get_by_role("link", name="flowbot").first.click()
    asked = find_messages(page).filter(has_text="A workflow asks you to enable flow #40")
    await press(asked, "Request approval")
    await expect(find_messages(page).filter(has_text="You requested approval to enable flow #40")).to_have_count(1)
    assert trouble.found == []


async def test_somebody_of_another_company_is_refused(page: Page, address: str) -> None:
    trouble = PageErrors(page)
    await page.goto(address)
    await switch_person(page, "U0JONAS")
    await send(page, "/flows list")
    await expect(find_messages(page).filter(has_text="Only people of this organisation")).to_have_count(1)
    assert trouble.found == []

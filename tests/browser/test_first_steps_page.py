"""The first look at the demo, on a computer and on a phone."""

import re
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.browser.test_approval_page import APPROVALS, MARKETING, WAITING, WHO, find_messages, find_request

pytestmark = pytest.mark.browser

OPEN: Final = re.compile(r"\bdrawer-open\b")


@pytest_asyncio.fixture(loop_scope="session")
async def turkish_page(page: Page) -> AsyncIterator[Page]:
    """Open a window whose browser speaks Turkish."""
    assert page.context.browser
    window = await page.context.browser.new_page(locale="tr-TR")
    yield window
    await window.close()


def find_card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


async def test_the_start_offers_things_to_try_and_a_colleague_in_a_tab_of_his_own(page: Page, address: str) -> None:
    await page.goto(address)
    await expect(page.get_by_label("You are")).to_have_value("U0EMMA")
    start = find_card(page, "Try flowbot")
    tries = start.get_by_role("listitem").get_by_role("button")
    await expect(tries).to_have_count(3)
    await tries.nth(0).click()
    await expect(find_messages(page).get_by_text("Page 1 of")).to_be_in_viewport()
    await expect(find_messages(page).get_by_role("button", name="Next")).not_to_be_in_viewport()
    menu = find_messages(page).locator("details.overflow").nth(3)
    await menu.locator("summary").click()
    await menu.get_by_role("button", name="Show", exact=True).click()
    await expect(find_messages(page).get_by_text("As a subscriber sees it")).to_be_in_viewport()
    await tries.nth(1).click()
    form = page.get_by_role("dialog")
    await expect(form.get_by_label("Name", exact=True)).to_be_visible()
    await form.get_by_role("button", name="Close", exact=True).click()
    await tries.nth(2).click()
    await expect(find_messages(page).filter(has_text="Approval requested in")).to_have_count(1)

    async with page.context.expect_page() as opened:
        await start.get_by_role("link", name="Open as Burak").click()
    burak = await opened.value
    await expect(burak).to_have_url(re.compile(rf"as=U0BURAK#{APPROVALS}$"))
    await expect(burak).to_have_title(re.compile("Burak Demir"))
    await expect(find_request(burak, WAITING, 40).get_by_role("button", name="Approve")).to_have_count(1)


async def test_every_channel_says_what_it_is_for(page: Page, address: str) -> None:
    await page.goto(f"{address}/?as=U0EMMA#{MARKETING}")
    for channel, title in (
        ("kampanya-onay", "Requests are posted here"),
        ("ajans-werbehaus", "A channel shared with an agency"),
        ("random", "flowbot isn't set up here yet"),
    ):
        await page.get_by_role("link", name=channel).click()
        await expect(find_card(page, title)).to_be_visible()


async def test_a_turkish_browser_is_received_in_turkish(turkish_page: Page, address: str) -> None:
    await turkish_page.goto(address)
    await expect(turkish_page.locator("html")).to_have_attribute("lang", "tr")
    await expect(turkish_page.get_by_label("Siz", exact=True)).to_have_value("U0AYSE")
    await find_card(turkish_page, "flowbot’u deneyin").get_by_role("button", name="/flows liste").click()
    answer = find_messages(turkish_page).filter(has_text="Sayfa 1")
    await expect(answer).to_contain_text("Yalnızca siz görüyorsunuz")
    await turkish_page.get_by_role("textbox", name="Mesaj").fill("/flows gö")
    await expect(turkish_page.get_by_role("option", name="/flows göster")).to_be_visible()


async def test_who_sits_down_can_be_read_whole_and_in_their_language(page: Page, address: str) -> None:
    await page.goto(address)
    shown = page.locator("#me")
    for user, language in (("U0AYSE", "tr"), ("U0BURAK", "tr"), ("U0JONAS", "en"), ("U0DENIZ", "en")):
        await page.get_by_label(WHO).select_option(user)
        await expect(page).to_have_url(re.compile(rf"as={user}\b"))
        await expect(page.get_by_role("heading", name={"tr": "Kanallar", "en": "Channels"}[language])).to_be_visible()
        for part in (await page.locator("#person option:checked").inner_text()).split(" · "):
            await expect(shown).to_contain_text(part)
        assert await shown.evaluate("node => node.scrollWidth <= node.clientWidth")


async def test_on_a_phone_the_drawer_closes_by_escape_and_by_choosing(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 390, "height": 780})
    await page.goto(address)
    menu = page.get_by_role("button", name="Channels and people")
    await menu.click()
    await expect(page.get_by_label("You are")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("body")).not_to_have_class(OPEN)
    await expect(menu).to_be_focused()

    await menu.click()
    await page.get_by_label("You are").select_option("U0DENIZ")
    await expect(page.locator("body")).not_to_have_class(OPEN)
    await menu.click()
    await page.get_by_role("link", name="random").click()
    await expect(page.locator("body")).not_to_have_class(OPEN)
    await expect(find_card(page, "flowbot isn't set up here yet")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.locator("#scroller").evaluate("node => node.scrollWidth <= node.clientWidth")

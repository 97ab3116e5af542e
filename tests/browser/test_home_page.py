"""The Home tab as a person sees it."""

import asyncio
import re
from typing import Final, Literal

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.test_approval_page import MARKETING, find_messages, find_request, new_window, open_as, request_change

pytestmark = pytest.mark.browser

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
APP_HOME: Final = re.compile(r"^(App Home|Uygulama ana sayfası)$")
COLOURS: Final = "(style => [style.color, style.backgroundColor])(getComputedStyle(document.body))"


def find_home(page: Page) -> Locator:
    return page.get_by_role("region", name=APP_HOME)


async def open_home(page: Page, address: str, user: str) -> Locator:
    await open_as(page, address, user, MARKETING)
    await page.get_by_role("link", name=APP_HOME).click()
    return find_home(page)


async def test_what_waits_is_decided_at_home_and_its_message_is_one_press_away(page: Page, address: str) -> None:
    emma = await request_change(page, address, "/flows delete 12")
    await request_change(emma, address, "/flows enable 39 The sale begins on Friday")
    burak = await new_window(page)
    tab = await open_home(burak, address, "U0BURAK")
    await expect(tab).to_contain_text("The sale begins on Friday")
    await tab.get_by_role("button", name="Onayla: Etkinleştirme #39").click()
    await burak.get_by_role("dialog").get_by_role("button", name="Onayla").click()
    await expect(tab.get_by_role("listitem").filter(has_text="#39")).to_contain_text("etkinleştirildi")
    await expect(find_request(emma, "Applied", 39)).to_have_count(1)

    await tab.get_by_role("button", name="Reddet: Silme #12").click()
    form = burak.get_by_role("dialog")
    await form.get_by_role("textbox", name="Gerekçe").fill("It still sells")
    await form.get_by_role("button", name="Reddet").click()
    outcome = tab.get_by_role("listitem").filter(has_text="reddedildi")
    await outcome.get_by_role("link", name="Mesaja git").click()
    await expect(find_request(burak, "Rejected", 12)).to_be_focused()


async def test_who_comes_late_is_told_by_the_app_directly(page: Page, address: str) -> None:
    emma = await request_change(page, address, "/flows enable 39")
    burak = await new_window(page)
    tab = await open_home(burak, address, "U0BURAK")
    approve = tab.get_by_role("button", name="Onayla: Etkinleştirme #39")
    await expect(approve).to_be_visible()
    await (await open_home(emma, address, "U0EMMA")).get_by_role("button", name="Withdraw: Enable #39").click()
    await expect(find_home(emma)).to_contain_text("was withdrawn")
    await approve.click()
    await burak.get_by_role("dialog").get_by_role("button", name="Onayla").click()
    await expect(tab).to_contain_text("Bekleyen işiniz yok.")
    await burak.get_by_role("link", name="flowbot okunmadı").click()
    await expect(find_messages(burak).filter(has_text="geri çekti")).to_have_count(1)


async def test_it_fits_a_phone_by_day_and_by_night(page: Page, address: str) -> None:
    await request_change(page, address, "/flows delete 12")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{address}/?as=U0BURAK#home")
    await expect(find_home(page).get_by_role("button", name="Onayla: Silme #12")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await find_home(page).evaluate("home => home.scrollWidth <= home.clientWidth")
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        ink, paper = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in await page.evaluate(COLOURS)]
        assert (ink < paper) is (scheme == "light")


async def test_an_answer_that_comes_late_does_not_hide_what_is_newer(page: Page, address: str) -> None:
    burak, is_shown = await new_window(page), asyncio.Event()
    await expect(await open_home(burak, address, "U0BURAK")).to_contain_text("Bekleyen işiniz yok.")
    await request_change(page, address, "/flows delete 12")

    async def delay(route: Route) -> None:
        answer = await route.fetch()
        await is_shown.wait()
        await route.fulfill(response=answer)

    await burak.route("**/sandbox/home", delay)
    await burak.reload()
    approve = find_home(burak).get_by_role("button", name="Onayla: Silme #12")
    await expect(approve).to_be_visible()
    async with burak.expect_response("**/sandbox/home") as answered:
        is_shown.set()
    await (await answered.value).finished()
    await burak.evaluate("() => new Promise(requestAnimationFrame)")
    assert await approve.count() == 1

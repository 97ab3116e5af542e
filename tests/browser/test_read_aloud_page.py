"""The demo for who listens instead of looking: every control and picture by its role and name."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_approval_page import MARKETING, find_messages, new_window, open_as, request_change, send
from tests.browser.test_home_page import open_home

pytestmark = pytest.mark.browser


async def test_each_flow_of_a_list_is_named_by_its_menu_and_its_picture_is_described(page: Page, address: str) -> None:
    await open_as(page, address, "U0EMMA", MARKETING)
    await send(page, "/flows list")
    menus = find_messages(page).get_by_label(re.compile(r"^More actions: #\d+ \S"))
    await expect(menus).to_have_count(10)
    names = [await menu.get_attribute("aria-label") for menu in await menus.all()]
    assert len(set(names)) == 10
    await find_messages(page).get_by_label(re.compile(r"^More actions: #39 ")).click()
    await page.get_by_role("button", name="Show", exact=True).last.click()
    await expect(page.get_by_role("img", name=re.compile("^The picture of the push “.+”$"))).to_have_count(1)
    for label in ("State", "Website", "Sort"):
        await expect(page.get_by_role("combobox", name=label)).to_have_count(1)


async def test_each_button_beside_several_requests_says_which_it_belongs_to(page: Page, address: str) -> None:
    await request_change(page, address, "/flows delete 12")
    emma = await request_change(page, address, "/flows enable 39")
    await open_as(emma, address, "U0EMMA", MARKETING)
    await send(emma, "/flows approvals")
    opened = find_messages(emma).filter(has_text="Your requests")
    for request in ("Delete #12", "Enable #39"):
        await expect(opened.get_by_role("link", name=re.compile(f"^Open: {request} "))).to_have_count(1)
    home = await open_home(await new_window(page), address, "U0BURAK")
    for request in ("Silme #12", "Etkinleştirme #39"):
        for label in ("Onayla", "Reddet"):
            await expect(home.get_by_role("button", name=re.compile(f"^{label}: {request} "))).to_have_count(1)
        await expect(home.get_by_role("link", name=re.compile(f"^Mesaja git: {request} "))).to_have_count(1)

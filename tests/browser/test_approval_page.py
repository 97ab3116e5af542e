"""Approvals as people see them, each in a window of their own."""

import re
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.journeys.form_steps import PNG

pytestmark = pytest.mark.browser

MARKETING, APPROVALS, RANDOM = "C0MARKETING", "C0APPROVALS", "C0RANDOM"
WAITING: Final = "Waiting for approval"
WHO: Final = re.compile(r"^(You are|Siz)$")
MESSAGE: Final = re.compile(r"^(Message|Mesaj)$")
"""The page speaks the language of the person at the desk."""


def find_messages(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("article")


def find_request(page: Page, state: str, flow: int) -> Locator:
    # By its state word, in its case: the notice in its thread tells the same in other words.
    return find_messages(page).filter(has_text=re.compile(state)).filter(has_text=f"#{flow} ")


async def send(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name=MESSAGE).fill(text)
    await page.keyboard.press("Enter")


async def open_as(page: Page, address: str, user: str, place: str) -> Page:
    await page.goto(f"{address}/?as={user}#{place}")
    await expect(page.get_by_label(WHO)).to_have_value(user)
    return page


async def new_window(page: Page) -> Page:
    """Open a second window."""
    browser = page.context.browser
    assert browser
    return await browser.new_page()


async def request_change(page: Page, address: str, text: str) -> Page:
    emma = await open_as(page, address, "U0EMMA", MARKETING)
    await send(emma, text)
    flow = int(text.split()[2])
    answer = find_messages(emma).filter(has_text="Approval requested in").filter(has_text=f"#{flow} ")
    await answer.get_by_role("link", name="Open").click()
    await expect(find_request(emma, WAITING, flow)).to_be_focused()
    return emma


async def approve(page: Page, flow: int) -> None:
    await find_request(page, WAITING, flow).get_by_role("button", name="Approve").click()
    await page.get_by_role("dialog").get_by_role("button", name="Approve").click()


async def test_one_asks_another_approves_and_both_see_it_applied(page: Page, address: str) -> None:
    emma = await request_change(page, address, "/flows enable 39 The sale begins on Friday")
    burak = await open_as(await new_window(page), address, "U0BURAK", APPROVALS)
    await expect(find_request(burak, WAITING, 39)).to_contain_text("The sale begins on Friday")
    await approve(burak, 39)
    for person in (emma, burak):
        outcome = find_request(person, "Applied", 39)
        await expect(outcome).to_contain_text("approved by @Burak Demir")
        await expect(outcome.get_by_role("button")).to_have_count(0)
    await emma.goto(f"{address}/?as=U0EMMA#{MARKETING}")
    await send(emma, "/flows list enabled kışlık")
    await expect(find_messages(emma).filter(has_text="Search: kışlık").filter(has_text="#39")).to_have_count(1)


async def test_who_decides_sees_the_new_picture_of_a_live_flow(page: Page, address: str) -> None:
    emma = await open_as(page, address, "U0EMMA", MARKETING)
    await send(emma, "/flows edit 12")
    form = emma.get_by_role("dialog")
    await form.get_by_label("Image", exact=True).set_input_files(
        {"name": "new.png", "mimeType": "image/png", "buffer": PNG}
    )
    await expect(form.get_by_text("new.png")).to_be_visible()
    await form.get_by_role("button", name="Request approval").click()
    burak = await open_as(await new_window(page), address, "U0BURAK", APPROVALS)
    request = find_request(burak, WAITING, 12)
    await expect(request).to_contain_text(f"PNG, {len(PNG)} bytes")
    await expect(request.get_by_role("img", name="The picture of")).to_have_js_property("naturalWidth", 1)


async def test_an_admin_sets_a_channel_up_where_nobody_approves_their_own_request(page: Page, address: str) -> None:
    deniz = await open_as(page, address, "U0DENIZ", RANDOM)
    await send(deniz, "/flows setup")
    form = deniz.get_by_role("dialog")
    await form.get_by_role("group", name="Websites").get_by_role("checkbox", name="Lale Moda").check()
    await form.get_by_role("button", name="Next").click()
    for field in ("Editors: user groups", "Approvers: user groups"):
        await form.get_by_role("group", name=field).get_by_role("checkbox", name="Editors").check()
    await form.get_by_role("button", name="Next").click()
    await expect(form.get_by_role("button", name="More settings")).to_be_visible()
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_contain_text("Saved. The new rules apply now")
    emma = await open_as(await new_window(page), address, "U0EMMA", RANDOM)
    await expect(find_messages(emma).filter(has_text="flowbot is set up in this channel")).to_have_count(1)
    await send(emma, "/flows enable 39")
    await approve(emma, 39)
    refusal = find_messages(emma).filter(has_text="decide on your own request")
    await expect(refusal).to_have_class(re.compile("ephemeral"))
    await expect(find_request(emma, WAITING, 39)).to_have_count(1)


async def test_a_request_is_rejected_with_a_reason(page: Page, address: str) -> None:
    emma = await request_change(page, address, "/flows delete 12")
    burak = await open_as(await new_window(page), address, "U0BURAK", APPROVALS)
    await find_request(burak, WAITING, 12).get_by_role("button", name="Reject").click()
    form = burak.get_by_role("dialog")
    await form.get_by_role("textbox", name="Gerekçe").fill("It still sells")
    await form.get_by_role("button", name="Reddet").click()
    await expect(form).to_have_count(0)
    await expect(find_request(emma, "Rejected", 12)).to_contain_text("It still sells")


async def test_what_was_deleted_is_restored_disabled_under_a_new_number(page: Page, address: str) -> None:
    emma = await request_change(page, address, "/flows delete 12")
    burak = await open_as(await new_window(page), address, "U0BURAK", APPROVALS)
    await approve(burak, 12)
    deleted = find_request(emma, "Applied", 12)
    await deleted.get_by_role("button", name="Restore").click()
    await emma.get_by_role("link", name="marketing unread").click()
    restored = find_messages(emma).filter(has_text=re.compile(r"Restored from #12 as #\d+, disabled"))
    await expect(restored).not_to_have_count(0)

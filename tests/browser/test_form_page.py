"""The flow form as a person fills it in, in a real browser."""

import asyncio
import base64
import re
from typing import Final

import pytest
from playwright.async_api import Locator, Page, Response, Route, expect

pytestmark = pytest.mark.browser

PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ACTION_SENT: Final = re.compile(r"/sandbox/action")
"""Slack's client tells the bot what is typed when the keys rest for a moment."""


def find_messages(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("article")


async def send(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="Message").fill(text)
    await page.keyboard.press("Enter")


async def open_form(page: Page, address: str, command: str) -> Locator:
    await page.goto(f"{address}/?as=U0EMMA")
    await send(page, command)
    form = page.get_by_role("dialog")
    await expect(form.get_by_label("Name", exact=True)).to_be_visible()
    return form


async def fill_form(form: Locator, name: str) -> None:
    await form.get_by_label("Website", exact=True).select_option("Lale Moda")
    # The form is updated with that website's segments.
    await expect(form.get_by_label("Segment", exact=True)).to_contain_text("VIP")
    await form.get_by_label("Name", exact=True).fill(name)
    await form.get_by_label("Title", exact=True).fill("Bahar geldi 🌷")
    await form.get_by_label("Description", exact=True).fill("İlk satır\nİkinci satır")


async def test_a_flow_with_a_picture_is_made_and_stands_in_the_list(page: Page, address: str) -> None:
    form = await open_form(page, address, "/flows create")
    await fill_form(form, "Made in a browser")
    await form.get_by_label("Image", exact=True).set_input_files(
        {"name": "bahar görseli.png", "mimeType": "image/png", "buffer": PNG}
    )
    # While a file is on its way, Create only says so.
    await expect(form.get_by_text("bahar görseli.png")).to_be_visible()
    await form.get_by_role("button", name="Create", exact=True).click()
    made = find_messages(page).filter(has_text=re.compile(r"Flow #\d+ was created: .*\(disabled\)"))
    await expect(made).to_have_count(1)
    await expect(made.get_by_role("img", name="The picture of the push “Bahar geldi 🌷”")).to_have_count(1)
    await form.get_by_role("button", name="Close").last.click()
    await send(page, "/flows list browser")
    await expect(find_messages(page).filter(has_text="Made in a browser")).to_have_count(1)


async def test_a_slip_is_said_at_its_field_and_nothing_typed_is_lost(page: Page, address: str) -> None:
    form = await open_form(page, address, "/flows create")
    await fill_form(form, "Slip")
    await form.get_by_label("Button 1 title", exact=True).fill("Go")
    await form.get_by_role("button", name="Create", exact=True).click()
    await expect(form.get_by_text("Add a URL for this button")).to_be_visible()
    await expect(form.get_by_label("Title", exact=True)).to_have_value("Bahar geldi 🌷")
    await form.get_by_label("Button 1 URL", exact=True).fill("https://lale.example")
    await form.get_by_role("button", name="Create", exact=True).click()
    await expect(find_messages(page).filter(has_text="was created: Slip")).to_have_count(1)


def is_action_with(answer: Response, text: str) -> bool:
    """Check whether an answer is that to an action of a form in which this was typed."""
    return bool(ACTION_SENT.search(answer.url)) and text in (answer.request.post_data or "")


async def test_what_was_typed_is_there_again_after_closing(page: Page, address: str) -> None:
    form = await open_form(page, address, "/flows create")
    async with page.expect_response(lambda answer: is_action_with(answer, "Not yet")):
        await fill_form(form, "Not yet")
    await form.get_by_role("button", name="Close").last.click()
    await expect(form).to_have_count(0)
    form = await open_form(page, address, "/flows create")
    await expect(form.get_by_text("This is what you typed on")).to_be_visible()
    await expect(form.get_by_label("Name", exact=True)).to_have_value("Not yet")


async def test_the_preview_is_one_press_away_without_scrolling(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1440, "height": 900})
    for command in ("/flows create", "/flows duplicate 12"):
        form = await open_form(page, address, command)
        preview = form.get_by_role("button", name="Preview", exact=True)
        await expect(preview).to_be_in_viewport(ratio=1)
        await preview.click()
        await expect(page.get_by_role("dialog").last).to_contain_text("As a subscriber sees it")


async def test_a_form_that_opens_before_the_page_listens_is_shown(page: Page, address: str) -> None:
    commanded = asyncio.Event()

    async def listen_late(route: Route) -> None:
        await commanded.wait()
        await route.continue_()

    await page.route("**/sandbox/events?*", listen_late)
    await page.goto(f"{address}/?as=U0EMMA")
    await expect(page.get_by_placeholder("Message #marketing")).to_be_visible()
    async with page.expect_response("**/sandbox/send*"):
        await send(page, "/flows create")
    await asyncio.sleep(1)  # the bot opens and fills its form
    commanded.set()
    await expect(page.get_by_role("dialog").get_by_label("Name", exact=True)).to_be_visible()

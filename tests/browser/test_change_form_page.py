"""The form behind a flow's buttons, and `@flowbot`, on the demo's page."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_approval_page import find_messages, open_as, send

pytestmark = pytest.mark.browser


async def test_a_mention_is_answered_and_its_button_opens_a_form(page: Page, address: str) -> None:
    emma = await open_as(page, address, "U0EMMA", "C0MARKETING")
    await send(emma, "@flowbot show 40")
    shown = find_messages(emma).filter(has=emma.get_by_role("button", name="Enable"))
    await expect(shown).to_have_count(1)
    await shown.get_by_role("button", name="Enable").click()
    form = emma.get_by_role("dialog")
    await expect(form).to_contain_text("Once approved, new subscribers of")
    await form.get_by_label("Reason").fill("The sale begins")
    await form.get_by_role("button", name="Request approval").click()
    await expect(find_messages(emma).filter(has_text="Approval requested in")).to_have_count(1)

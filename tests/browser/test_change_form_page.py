"""The form behind a flow's buttons, and `@flowbot`, on the demo's page."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

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


async def test_a_start_and_an_end_are_chosen_in_the_readers_zone(page: Page, address: str) -> None:
    """Ayşe is in Istanbul, whose clocks never change, and the browser is not."""
    day = datetime.now(ZoneInfo("Europe/Istanbul")).date() + timedelta(days=40)
    ayse = await open_as(page, address, "U0AYSE", "C0MARKETING")
    await send(ayse, "/flows göster 40")
    shown = find_messages(ayse).filter(has=ayse.get_by_role("button", name="Etkinleştir"))
    await shown.get_by_role("button", name="Etkinleştir").click()
    form = ayse.get_by_role("dialog")
    await form.get_by_label("Ne zaman").fill(f"{day}T09:00")
    await form.get_by_label("Bitiş").fill(f"{day}T08:00")
    await form.get_by_role("button", name="Onay iste").click()
    await expect(form).to_contain_text("Başlangıçtan sonra bir bitiş seçin.")
    await expect(form.get_by_label("Ne zaman")).to_have_value(f"{day}T09:00")
    await form.get_by_label("Bitiş").fill(f"{day}T18:00")
    await form.get_by_role("button", name="Onay iste").click()
    told = find_messages(ayse).filter(has_text="kanalında onay istediniz")
    await expect(told).to_contain_text(re.compile(r"yayına giriş: .*09:00\. Bitiş: .*18:00"))

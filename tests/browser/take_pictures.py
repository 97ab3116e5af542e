"""Takes the README's pictures anew, by `make pictures`: the demo at work, seen by somebody who reads English."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Page, expect

from flowbot.demo import command
from flowbot.domain.change import ChangeKind
from flowbot.domain.digest import WEEK_DAYS, Digest, FlowList, NamedFlow, WeekFigures, days_before, digest_token
from flowbot.domain.flow import Totals
from flowbot.domain.ids import ChannelId, FlowId
from flowbot.domain.report import NewReport, ReportKind, ReportState
from flowbot.sandbox import enkapush
from flowbot.sandbox.enkapush import EnkapushSandbox
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from tests.browser.test_approval_page import (
    WAITING,
    approve,
    find_messages,
    find_request,
    new_window,
    open_as,
    request_change,
    send,
)

pytestmark = pytest.mark.browser

DOCS: Final = Path(__file__).parents[2] / "docs"
REASON: Final = "Snow is forecast from Friday; the landing page is live."
START, END = (date.today() + timedelta(days=days) for days in (7, 30))  # noqa: DTZ011 - any days will do
FIELDS: Final = {
    "Name": "Winter sale – last day",
    "Title": "Last day of the winter sale",
    "Description": "Everything that is still on the shelf goes at 60% off until midnight.",
    "URL": "https://northbound.example/winter-sale",
}


@pytest.fixture
def sandboxes(monkeypatch: pytest.MonkeyPatch) -> list[EnkapushSandbox]:
    """Return the stand-ins for Enkapush that a demo starts from now on."""
    started: list[EnkapushSandbox] = []

    def start(**given: Any) -> EnkapushSandbox:
        started.append(EnkapushSandbox(**given))
        return started[-1]

    monkeypatch.setattr(command, "EnkapushSandbox", start)
    return started


async def take_picture(page: Page, name: str, height: int) -> None:
    await page.mouse.move(0, 0)
    await page.set_viewport_size({"width": 1280, "height": height})
    await page.evaluate("document.activeElement.blur()")
    await page.locator("#scroller").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    await page.screenshot(path=DOCS / name, animations="disabled", caret="hide")


async def test_a_request_waits_and_is_approved(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    emma = await request_change(page, address, f"/flows enable 40 {REASON}")
    waiting = find_request(emma, WAITING, 40)
    await expect(waiting.get_by_role("img")).to_have_js_property("complete", value=True)
    await take_picture(emma, "demo.png", 1040)

    burak = await open_as(await new_window(page), address, "U0BURAK", "C0APPROVALS")
    await approve(burak, 40)
    outcome = find_request(emma, "Applied", 40)
    await expect(outcome).to_contain_text("approved by @Burak Demir")
    await take_picture(emma, "approved.png", 800)


async def test_a_request_is_scheduled(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    emma = await request_change(page, address, f"/flows enable 40 at {START} 09:00 until {END} 18:00 {REASON}")
    await expect(find_request(emma, WAITING, 40).get_by_role("img")).to_have_js_property("complete", value=True)
    burak = await open_as(await new_window(page), address, "U0BURAK", "C0APPROVALS")
    await approve(burak, 40)
    await expect(find_request(emma, "Scheduled", 40)).to_contain_text("goes live")
    await take_picture(emma, "scheduled.png", 860)


async def test_a_chart_is_shown(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    await open_as(page, address, "U0EMMA", "C0MARKETING")
    await send(page, "/flows stats 30d")
    await expect(page.get_by_role("figure", name="Last 30 days")).to_be_visible()
    await take_picture(page, "chart.png", 960)


async def test_a_form_is_filled_in(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    await open_as(page, address, "U0EMMA", "C0MARKETING")
    await send(page, "/flows list winter")
    await expect(find_messages(page).filter(has_text="Search: winter")).to_have_count(1)
    await send(page, "/flows create")
    form = page.get_by_role("dialog")
    await form.get_by_label("Website", exact=True).select_option("Northbound Outdoor")
    for label, text in FIELDS.items():
        await form.get_by_label(label, exact=True).fill(text)
    picture = Path(enkapush.__file__).parent / "images" / "mountains.jpg"
    await form.get_by_label("Image", exact=True).set_input_files(picture)
    await expect(form.get_by_text("mountains.jpg")).to_be_visible()
    await form.locator(".form-body").evaluate("node => node.scrollTo(0, 0)")
    await take_picture(page, "form.png", 960)


async def open_setup(page: Page, address: str) -> Locator:
    deniz = await open_as(page, address, "U0DENIZ", "C0MARKETING")
    await send(deniz, "/flows setup")
    form = deniz.get_by_role("dialog")
    await form.get_by_role("button", name="Next").click()
    await expect(form).to_contain_text("Step 2 of 3")
    return form


async def save_setup(form: Locator) -> None:
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_contain_text("Saved.")


async def test_a_request_is_in_its_second_stage(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    form = await open_setup(page, address)
    await form.get_by_role("button", name="Approve in stages").click()
    for stage, before, after in (("Stage 1", "Leads", "Editors"), ("Stage 2", "Editors", "Leads")):
        groups = form.get_by_role("group", name=f"{stage}: user groups")
        await groups.get_by_role("checkbox", name=before).uncheck()
        await groups.get_by_role("checkbox", name=after).check()
    await form.get_by_role("button", name="Next").click()
    await expect(form).to_contain_text("Step 3 of 3")
    await save_setup(form)
    emma = await request_change(await new_window(page), address, f"/flows enable 40 {REASON}")
    ayse = await open_as(await new_window(page), address, "U0AYSE", "C0APPROVALS")
    await approve(ayse, 40)
    staged = find_request(emma, WAITING, 40)
    await expect(staged).to_contain_text("1/1 approval: @Ayşe Yılmaz")
    await expect(staged).to_contain_text("Your turn to approve")
    await expect(staged.get_by_role("img")).to_have_js_property("complete", value=True)
    await take_picture(emma, "stages.png", 1180)


async def test_a_request_is_frozen(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    form = await open_setup(page, address)
    await form.get_by_role("button", name="Next").click()
    await expect(form).to_contain_text("Step 3 of 3")
    await form.get_by_role("button", name="More settings").click()
    await form.get_by_role("button", name="Add dates").click()
    await form.get_by_label("Freeze 1: name").fill("Year's end")
    today = date.today()  # noqa: DTZ011 - the demo's day
    await form.get_by_label("Freeze 1: first day").fill(str(today - timedelta(days=1)))
    await form.get_by_label("Freeze 1: last day").fill(str(today + timedelta(days=3)))
    await save_setup(form)
    emma = await request_change(await new_window(page), address, f"/flows enable 40 {REASON}")
    frozen = find_request(emma, WAITING, 40)
    await expect(frozen).to_contain_text("Frozen until")
    await expect(frozen.get_by_role("img")).to_have_js_property("complete", value=True)
    await take_picture(emma, "frozen.png", 1040)


def list_flows(*flows: tuple[int, str]) -> FlowList:
    return FlowList.of(NamedFlow(FlowId(number), name) for number, name in flows)


async def test_a_weekly_digest_is_posted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    today = date.today()  # noqa: DTZ011 - the demo's day
    digest = Digest(
        *days_before(today, WEEK_DAYS),
        live=31,
        week=WeekFigures(Totals(48_210, 39_874, 1_236, 5_120), WEEK_DAYS),
        week_before=WeekFigures(Totals(44_605, 37_020, 999, 4_870), WEEK_DAYS),
        own={
            ChangeKind.EDIT: list_flows((29, "Kargo yola çıktı")),
            ChangeKind.ENABLE: list_flows((30, "Order shipped")),
        },
        outside={ChangeKind.DISABLE: list_flows((37, "New arrivals – boots"))},
        waiting=list_flows((40, "Winter sale – 40% off")),
        unclicked=list_flows((26, "Stokta: bekleme listesi"), (34, "ترحيب – العربية")),
        known_days=30,
    )
    channel = ChannelId("C0MARKETING")
    new = NewReport(digest_token(channel, today), ReportKind.DIGEST, digest, channel=channel, state=ReportState.CLOSED)

    @asynccontextmanager
    async def open_with_digest(url: str) -> AsyncIterator[Database]:
        async with open_migrated(url) as database:
            await ReportRepository(database, utc_now).submit(new)
            yield database

    monkeypatch.setattr(command, "open_migrated", open_with_digest)
    async with command.run_demo_servers(0) as address:
        await page.set_viewport_size({"width": 1280, "height": 960})
        emma = await open_as(page, address, "U0EMMA", "C0MARKETING")
        await expect(find_messages(emma).filter(has_text="Weekly digest")).to_have_count(1)
        await take_picture(emma, "digest.png", 700)


async def test_a_change_is_made_outside(sandboxes: list[EnkapushSandbox], page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 1280, "height": 960})
    emma = await open_as(page, address, "U0EMMA", "C0APPROVALS")
    # The first reading tells nothing.
    await asyncio.sleep(command.WATCH_SECONDS / 2)
    flow = sandboxes[0].store.flow(40)
    sandboxes[0].store.update_flow(40, title="Everything must go!", is_enabled=not flow.is_enabled)
    told = find_messages(emma).filter(has_text="outside flowbot")
    await expect(told).to_have_count(1, timeout=30_000)
    await take_picture(emma, "outside.png", 620)

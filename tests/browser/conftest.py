"""A demo at work, and a browser that looks at it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from flowbot import demo


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Where the demo's page is."""
    async with demo.running(0) as origin:
        yield origin


@pytest.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """A fresh window."""
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()

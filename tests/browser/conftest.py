"""A demo at work, and a browser that looks at it: one browser for all, a fresh window for each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from flowbot.demo import command

HERE: Final = Path(__file__).parent
# Without the page that Chromium makes ready below the address bar of each window: three quarters of a window's cost.
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all of these tests in one event loop, since the browser belongs to the one that it was started in."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """Start Chromium, once."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def address() -> AsyncIterator[str]:
    """Serve the demo, and yield its address."""
    async with command.run_demo_servers(0) as origin:
        yield origin


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Open a fresh window; close with it all others that the test opened."""
    try:
        yield await browser.new_page()
    finally:
        for context in browser.contexts:
            await context.close()

"""Enterprise Grid: sister workspaces, installations for the whole organisation, and outsiders of another one."""

import pytest

from flowbot.errors import ConfigurationError
from flowbot.sandbox.slack import text_of
from flowbot.sandbox.slack.models import Team
from flowbot.server.http import check_token
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import (
    approval_policy,
    press_and_request,
    request_change,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import AGENCY, MARKETING, World, in_both_modes

HERE = Team("T0LALE", "Lale Moda", "lale-moda", enterprise="E0LALE")
SISTER = Team("T0SISTER", "Lale Home", "lale-home", enterprise="E0LALE")


@pytest.fixture(params=["workspace", "organisation"])
def enterprise(world: World, request: pytest.FixtureRequest) -> World:
    """Put the workspace into an organisation, Burak into a sister workspace; install for one, or for all."""
    workspace = world.slack.workspace
    workspace.is_enterprise_install = request.param == "organisation"
    for person in (*workspace.people.values(), workspace.bot):
        if person.team.id == HERE.id:
            person.team = SISTER if person.id == "U0BURAK" else HERE
    workspace.team = HERE
    return world


@in_both_modes
async def test_people_of_a_sister_workspace_are_of_the_same_organisation(enterprise: World, running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "Applied")


async def test_forms_and_mentions_work_without_a_team(enterprise: World, http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, name="Winter sale")
    await http.emma.send(MARKETING, "@flowbot show 1")
    shown = await wait_for_private_message(http.emma, "Winter sale", MARKETING)
    await press_and_request(http.emma, shown, "Enable", "Now")
    await wait_for_private_message(http.emma, "Approval requested", MARKETING)


async def test_people_of_another_company_stay_outside(enterprise: World, http: World) -> None:
    add_flow(http, website_id=3, name="Secret")
    await http.jonas.send(AGENCY, "/flows list")
    told = await http.jonas.wait_for_message(AGENCY, lambda message: message.is_ephemeral)
    assert "Only people of this organisation" in text_of(told)


async def test_an_installation_that_cannot_be_served_stops_the_start(world: World) -> None:
    bot, _ = await world.start_http()
    await check_token(bot)
    world.slack.workspace.team = HERE
    world.slack.workspace.is_enterprise_install = True
    await check_token(bot)
    world.slack.faults.add("usergroups.list", error="missing_argument")
    with pytest.raises(ConfigurationError, match=r"organisation-wide installation.*\(missing_argument\)"):
        await check_token(bot)

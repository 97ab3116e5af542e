"""Mutations that break the checks of stops: who decides them, of which flows, and how often each is disabled."""

import secrets
from typing import Final

from flowbot.domain.ids import FlowId, FormToken, ReportId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.stop import disable_token
from flowbot.services import stop
from flowbot.services.stop import StopService
from flowbot.services.users import CurrentUser
from tests.model.fake_directory import CHANNEL
from tests.model.mutation_registry import Mutations, Patch

MUTATIONS: Final = Mutations()


@MUTATIONS.register
def anybody_stops_flows(patch: Patch) -> None:
    def require_nothing(policy: ChannelPolicy | None, _user: CurrentUser, _reason: str) -> ChannelPolicy:
        return policy or ChannelPolicy(id=CHANNEL, websites="all")

    patch.setattr(stop, "_require_stop", require_nothing)


@MUTATIONS.register
def a_stop_disables_each_flow_whenever_it_goes_on(patch: Patch) -> None:
    def new_token(report: ReportId, flow: FlowId) -> FormToken:
        return FormToken(f"{disable_token(report, flow)}.{secrets.token_hex(4)}")

    patch.setattr(stop, "disable_token", new_token)


@MUTATIONS.register
def a_stop_is_left_where_its_process_died(patch: Patch) -> None:
    async def leave(*_: object) -> None:
        return None

    patch.setattr(StopService, "resume", leave)

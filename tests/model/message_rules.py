"""Rules about messages: Slack takes some of them, processes die while they send, and others go on."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import ChannelId, UserId
from tests.model.fake_directory import APPROVALS, AYSE, BURAK, CAN, CHANNEL
from tests.model.late_rules import LateRules
from tests.model.processes import Process
from tests.model.strategies import CALL_COUNTS, NUMBERS, PROCESSES, SEND_FAULTS, FaultPlan
from tests.model.world import LEASE

ENDS = st.sampled_from([(CAN, "approve"), (CAN, "reject"), (AYSE, "withdraw")])
KINDS = st.sampled_from([ChangeKind.ENABLE, ChangeKind.DELETE])
WITHOUT_BOT = st.sampled_from([(), (), (APPROVALS,), (CHANNEL,), (APPROVALS, CHANNEL)])
CLOSED = st.sampled_from([(), (), (AYSE,), (BURAK,), (AYSE, BURAK)])


class MessageRules(LateRules):
    """Rules by which a request is posted, and its end told, while Slack or a process fails."""

    @rule(
        process=PROCESSES,
        kind=KINDS,
        number=NUMBERS,
        without_bot=WITHOUT_BOT,
        closed=CLOSED,
        faults=SEND_FAULTS,
        more_faults=SEND_FAULTS,
        heals=st.booleans(),
    )
    def a_request_is_posted_while_messages_fail(
        self,
        process: int,
        kind: ChangeKind,
        number: int,
        without_bot: tuple[ChannelId, ...],
        closed: tuple[UserId, ...],
        faults: FaultPlan,
        more_faults: FaultPlan,
        heals: bool,
    ) -> None:
        self._fail_messages(without_bot, closed)
        self._create_pending(process, kind, number, quorum=1, faults=faults)
        self._send_the_rest(process, more_faults, heals=heals)

    @rule(
        process=PROCESSES,
        kind=KINDS,
        number=NUMBERS,
        end=ENDS,
        without_bot=WITHOUT_BOT,
        closed=CLOSED,
        faults=SEND_FAULTS,
        more_faults=SEND_FAULTS,
        heals=st.booleans(),
    )
    def an_end_is_told_while_messages_fail(
        self,
        process: int,
        kind: ChangeKind,
        number: int,
        end: tuple[UserId, str],
        without_bot: tuple[ChannelId, ...],
        closed: tuple[UserId, ...],
        faults: FaultPlan,
        more_faults: FaultPlan,
        heals: bool,
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=1)
        if change is None:
            return
        self._fail_messages(without_bot, closed)
        faults.inject(self.world, process)
        person, what = end
        self._run_steps((process, self._decide_step(what, person, change)))
        self._send_the_rest(process, more_faults, heals=heals)

    @rule(process=PROCESSES, kind=KINDS, number=NUMBERS, end=ENDS, calls=CALL_COUNTS)
    def a_process_is_frozen_while_it_tells_an_end(
        self, process: int, kind: ChangeKind, number: int, end: tuple[UserId, str], calls: int
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=1)
        if change is not None:
            person, what = end
            step = self._decide_step(what, person, change)
            # Half of them reach as far as the last notice.
            self._run_frozen(process, step, 2 * calls, lambda: self._let_others_send(1 - process))

    async def _let_others_send(self, process: int) -> None:
        for _ in range(2):
            await self.world.pass_time(LEASE)
            await self.world.run_step(process, Process.recover)

    def _fail_messages(self, without_bot: tuple[ChannelId, ...], closed: tuple[UserId, ...]) -> None:
        self.world.slack.recover()
        self.world.slack.without_bot.update(without_bot)
        self.world.slack.closed.update(closed)

    def _send_the_rest(self, process: int, faults: FaultPlan, *, heals: bool) -> None:
        """Let the other process send the rest, while that fails too, and Slack takes everything or does not."""
        if heals:
            self.world.slack.recover()
        faults.inject(self.world, 1 - process)
        for _ in range(2):
            self._run(self.world.pass_time(LEASE))
            self._run_steps((1 - process, Process.recover))

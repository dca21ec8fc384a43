"""What every device program has at hand, and its life: join the network, do what its kind does, end in time."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from spamgate_tools.errors import UserError
from spamgate_tools.lab.devices import dhcp
from spamgate_tools.lab.devices.options import Options
from spamgate_tools.lab.devices.people import Writer
from spamgate_tools.lab.devices.report import Report
from spamgate_tools.lab.devices.resolver import Resolver

_CANCEL_S = 0.2

Program = Callable[["Device"], Awaitable[None]]


class Device:
    """One device: what it was told, its dice, its report."""

    def __init__(self, options: Options, report: Report) -> None:
        self.options = options
        self.name = options.name or options.kind
        self.report = report
        self.dice = random.Random(f"{options.seed}/{self.name}")
        self.resolver = Resolver(options.resolver, report, options.source)
        self.writer = Writer(self.name, options.seed)
        self._over = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def is_over(self) -> bool:
        """Has its time come?  Nothing new is begun then."""
        return self._over.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside what goes on."""
        assert self._tasks is not None
        self._tasks.create_task(work)

    async def live(self, program: Program, grace_s: float) -> None:
        """Run until the program is done, its time is up (a message under way has `grace_s` more), or SIGTERM."""
        options = self.options
        self.report.tell("start", kind=options.kind, seed=options.seed)
        life = asyncio.ensure_future(self._run(program))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _end, asyncio.current_task())
        loop.call_later(options.seconds, self._over.set)
        loop.call_later(options.seconds + grace_s, _end, asyncio.current_task())
        try:
            await life
        except asyncio.CancelledError:
            pass
        except BaseExceptionGroup as several:
            raise _told(several) from None
        self.report.tell("stop", counts=dict(self.report.counts))

    async def _run(self, program: Program) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            if self.options.host_name:
                await dhcp.join(self.options, self.report)
            await program(self)


def _end(caller: "asyncio.Task[Any] | None") -> None:
    """Cancel everything but the caller; once more for whatever was just being done and missed it."""
    others = asyncio.all_tasks() - {caller}
    for task in others:
        task.cancel()
    if others:
        asyncio.get_running_loop().call_later(_CANCEL_S, _end, caller)


def _told(several: BaseExceptionGroup) -> BaseException:
    """Return the one error that tells the user what to do, if there is one."""
    meant: BaseException | None = several.subgroup(UserError)
    while isinstance(meant, BaseExceptionGroup):
        meant = meant.exceptions[0]
    return meant or several

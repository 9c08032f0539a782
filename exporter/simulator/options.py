"""What a simulator is told before it starts."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Clock = Callable[[], float]
"""Gives epoch seconds."""

CredentialKind = Literal["configured", "credentials_uri", "ecs_ram_role", "role"]

PastLastPage = Literal["empty", "last"]

DoorKind = Literal["plain", "named", "tls"]


def system_clock() -> float:
    """Return the time of this machine in epoch seconds."""
    return time.time()  # noqa: TID251  # the simulator shares no code with the exporter


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """Settings of a simulator.

    Attributes:
        tasks: How many tasks each vendor has at the start, over all its accounts.
        tasks_of: Accounts that have another number of tasks in each scope at the start, by name.
        seed: The same seed and the same steps repeat exactly, keys and secrets aside.
        speed: Multiplies what follows the dialling: calls, redial waits, appended lists, pauses
            and new campaigns. Dates, windows and signatures stay on the clock.
        dezhu_listen: ``host:port`` of the Dezhu server; port 0 picks one.
        aliyun_listen: ``host:port`` of the Alibaba server.
        control_listen: ``host:port`` of the control port, loopback only; None for none.
        dezhu_accounts: How many Dezhu accounts there are.
        aliyun_accounts: How many Alibaba accounts there are.
        aliyun_instances: How many instances each Alibaba account has.
        clock: Gives epoch seconds; signatures and the ``Date`` header follow it.
        automatic: Follow the clock each second. False: only ``world.advance`` moves the world.
        lively: Campaigns are paused, resumed, appended to and created as time goes on. False:
            only the dialling and the dates change anything.
        finished_share: About this share of the tasks is finished at the start, 0 to 1.
        latency: Seconds added to each answer.
        past_last_page: What a page after the last holds: nothing, or the last page again.
        dezhu_page_cap: A larger ``pageSize`` is silently cut to this.
        dezhu_page_parameter: Name of the page number parameter at Dezhu.
        dezhu_hash: Hash of the Dezhu signature.
        sts: The Alibaba accounts use temporary credentials with a security token.
        credentials: Where the written configuration says that Alibaba credentials come from:
            the configuration itself, or a service of the simulator that hands out temporary ones.
        credential_lifetime: Seconds for which those are valid.
        truth_limit: At most this many records of the truth are kept; the oldest go first.
        doors: Accounts that have an address of their own, by name, and what it looks like:
            ``plain``, ``named`` (a name below ``vendor.test``, which only ``Simulator.lookup``
            knows) or ``tls``. Needed for the faults of the address.
    """

    tasks: int = 40
    seed: int = 1
    speed: float = 1.0
    dezhu_listen: str = "127.0.0.1:0"
    aliyun_listen: str = "127.0.0.1:0"
    control_listen: str | None = "127.0.0.1:0"
    dezhu_accounts: int = 1
    aliyun_accounts: int = 1
    aliyun_instances: int = 2
    clock: Clock = system_clock
    automatic: bool = True
    lively: bool = True
    finished_share: float = 0.4
    latency: float = 0.0
    past_last_page: PastLastPage = "empty"
    dezhu_page_cap: int = 1000
    dezhu_page_parameter: str = "pageNum"
    dezhu_hash: Literal["sha256", "sha1"] = "sha256"
    sts: bool = False
    credentials: CredentialKind = "configured"
    credential_lifetime: float = 3600.0
    truth_limit: int = 1_000_000
    doors: Mapping[str, DoorKind] = field(default_factory=dict)
    tasks_of: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no simulator can do.

        Raises:
            ValueError: A number is out of range.
        """
        counts = (self.dezhu_accounts, self.aliyun_accounts, self.tasks, *self.tasks_of.values())
        if min(counts) < 0 or self.aliyun_instances < 1:
            raise ValueError("accounts and tasks must not be negative, instances at least 1")
        if self.speed <= 0 or self.latency < 0:
            raise ValueError("speed must be above 0 and latency not negative")
        if self.credential_lifetime < 1:
            raise ValueError("credential_lifetime must be at least 1")
        if not 0 <= self.finished_share <= 1:
            raise ValueError("finished_share must be from 0 to 1")
        if self.dezhu_page_cap < 1 or self.truth_limit < 1:
            raise ValueError("dezhu_page_cap and truth_limit must be at least 1")

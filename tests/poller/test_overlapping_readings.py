"""Campaigns walk at random while lists are paged side by side: the picture stays whole and true."""

import random
from collections import defaultdict

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from exporter.domain import TIER_OF, Status, Tier
from tests.poller.making import COUNTS, Clock, Rig, Vendor, task

INTERVALS = {Tier.ACTIVE: 60.0, Tier.IDLE: 300.0, Tier.FINISHED: 900.0}
REFRESH = {tier.value: seconds for tier, seconds in INTERVALS.items()}
JITTER = 1.06
POLL_SECONDS = 45.0
LATENCY_SECONDS = 0.3
WALKED = [status for status in Status if status is not Status.UNKNOWN]
LIKE_DEZHU = {"statuses_per_query": 1, "page_size": 4}
ON_ONE_PAGE = {"statuses_per_query": 1, "page_size": 50}
LIKE_ALIBABA = {"statuses_per_query": None, "page_size": 4, "details": True}


class Walk:
    """A vendor whose campaigns change between any two of its answers, and what is held of it."""

    def __init__(self, seed, *, tasks, pace, abilities):
        self.dice = random.Random(seed)
        self.clock = Clock()
        self.vendor = Vendor(clock=self.clock, **abilities)
        self.vendor.latency = lambda: self.dice.random() * LATENCY_SECONDS
        self.vendor.between = self.step
        self.rig = Rig(self.vendor, clock=self.clock, random=self.dice.random, refresh=REFRESH)
        self.rig.shelf.watch = self.watch
        self.wrong = []
        self.pace = pace
        self.moved_at = self.clock.now()
        self.made = 0
        self.history = defaultdict(list)
        self.removed = {}
        self.seen = set()
        self.publications = 0
        for _ in range(tasks):
            self.make()

    def make(self):
        self.made += 1
        task_id, status = f"t{self.made}", self.dice.choice(WALKED)
        self.vendor.put(
            task(task_id, status, progress=COUNTS, rank=self.made, created=float(self.made))
        )
        self.history[task_id].append((self.clock.now(), status))

    def step(self):
        """Change as much as belongs to the time that went by."""
        now = self.clock.now()
        rows = self.vendor.lists[""]
        while self.pace and self.moved_at < now:
            self.moved_at += self.dice.expovariate(max(1, len(rows)) / self.pace)
            kind = self.dice.random()
            if kind < 0.05 or not rows:
                self.make()
            elif kind < 0.1:
                task_id = self.dice.choice(list(rows))
                self.removed[task_id] = now
                self.vendor.remove(task_id)
            else:
                task_id, status = self.dice.choice(list(rows)), self.dice.choice(WALKED)
                # A changed row often goes to the front of its list, and others change pages.
                rank = self.dice.choice([rows[task_id].rank, now])
                self.vendor.change(task_id, status=status, rank=rank)
                self.history[task_id].append((now, status))

    def had(self, task_id, since):
        """The statuses a task had since a moment, the one it had then included."""
        steps = self.history[task_id]
        before = [status for at, status in steps if at <= since]
        return {*before[-1:], *(status for at, status in steps if at > since)}

    def watch(self):
        """Keep what is wrong: an error raised here would be the exporter's to handle."""
        try:
            self.check()
        except AssertionError as error:
            self.wrong.append(str(error))

    def check(self):
        """Hold a publication against the truth."""
        now = self.clock.now()
        self.publications += 1
        exposed = self.rig.shelf.exposed()
        self.seen |= set(exposed)
        for task_id in self.seen:
            if task_id in self.vendor.lists[""]:
                self.check_there(task_id, exposed.get(task_id), now)
            elif task_id in exposed:
                self.check_gone(task_id, now)

    def check_there(self, task_id, status, now):
        if status is None:
            # Only who moved on while it was looked for may be missed by every tier.
            moves = len(self.had(task_id, now - INTERVALS[Tier.IDLE])) - 1
            assert moves >= 2, f"{task_id} is missing"
            return
        known_for = INTERVALS[TIER_OF[status]] * JITTER + POLL_SECONDS
        assert status in self.had(task_id, now - known_for), f"{task_id} was not {status} lately"
        noticed = 2 * INTERVALS[Tier.ACTIVE] * JITTER + POLL_SECONDS
        lately = {TIER_OF[each] for each in self.had(task_id, now - noticed)}
        assert lately != {Tier.ACTIVE} or TIER_OF[status] is Tier.ACTIVE, f"{task_id} is active"

    def check_gone(self, task_id, now):
        at = self.removed[task_id]
        tiers = {TIER_OF[status] for status in self.had(task_id, at - INTERVALS[Tier.FINISHED])}
        longest = max(INTERVALS[tier] for tier in tiers)
        assert now - at < 2 * longest * JITTER + POLL_SECONDS, f"{task_id} stays for ever"

    def truth(self):
        return {row.id: row.status for row in self.vendor.lists[""].values()}


@given(
    seed=st.integers(0, 2**32),
    tasks=st.integers(0, 25),
    pace=st.sampled_from([100.0, 300.0, 1000.0]),
    abilities=st.sampled_from([LIKE_DEZHU, ON_ONE_PAGE, LIKE_ALIBABA]),
)
@example(seed=123, tasks=15, pace=300.0, abilities=LIKE_ALIBABA)
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
async def test_every_publication_is_whole_and_true(seed, tasks, pace, abilities):
    walk = Walk(seed, tasks=tasks, pace=pace, abilities=abilities)
    async with walk.rig as rig:
        await rig.forward(1500)
        assert walk.wrong == []
        walk.pace = 0
        await rig.forward(2 * INTERVALS[Tier.FINISHED] * JITTER + POLL_SECONDS)
        assert rig.shelf.exposed() == walk.truth()
        assert rig.state.up is True
        assert rig.reasons() == set()
    assert walk.wrong == []
    assert walk.publications > 20

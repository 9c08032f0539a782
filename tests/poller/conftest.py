"""Threads are left out here: what they do is done at once, so that a fake clock tells all time."""

import asyncio

import pytest
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def _threads_are_done_at_once(monkeypatch):
    async def at_once(work, *args, **kwargs):
        await asyncio.sleep(0)
        return work(*args, **kwargs)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


@pytest.fixture(autouse=True)
def logged():
    """Everything that is logged, and none of it written from within a loop."""
    with capture_logs() as lines:
        yield lines

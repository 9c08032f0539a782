import asyncio

from exporter.steps import chunks, in_steps


def test_chunks_are_everything_in_its_order_in_lists_of_a_size():
    assert list(chunks(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([], 3)) == []


async def test_others_run_at_each_pause_and_the_result_comes_at_the_end():
    seen = []

    def work():
        for number in range(3):
            seen.append(number)
            yield
        return "done"

    running = asyncio.create_task(in_steps(work()))
    while not running.done():
        seen.append("other")
        await asyncio.sleep(0)
    assert await running == "done"
    assert seen == ["other", 0, "other", 1, "other", 2, "other"]

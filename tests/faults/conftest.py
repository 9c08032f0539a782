import pytest


def pytest_addoption(parser):
    parser.addoption("--whole-matrix", action="store_true", help="run every fault in every phase")
    parser.addoption(
        "--write-matrix", action="store_true", help="write what was seen to docs/reliability.md"
    )


@pytest.fixture(scope="session")
def whole(request):
    """Whether every cell is run."""
    return request.config.getoption("--whole-matrix", default=False)

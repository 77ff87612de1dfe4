"""As in the system tests: a skipped test is a failure where CI says so."""

import os

import pytest

NO_SKIP = os.environ.get("TURNPIKE_NO_SKIP") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[2]} (TURNPIKE_NO_SKIP=1)"

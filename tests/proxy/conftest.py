"""Fixtures. TURNPIKE_PROXY_CONFIG says what is tested: `turnpike`, which is
what we ship, or `comparison`, which must fail what expected_failures.py says."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

import expected_failures
from slow import Slow
from stack import ROOT, Stack

CONFIG = os.environ.get("TURNPIKE_PROXY_CONFIG", "turnpike")
NO_SKIP = os.environ.get("TURNPIKE_NO_SKIP") == "1"

sys.dont_write_bytecode = True


def pytest_configure(config):
    config.addinivalue_line("markers", "ours: about what we ship only")
    config.addinivalue_line("markers", "compared: about the comparison only")
    config.addinivalue_line("markers", "last: after everything else")
    bins = ROOT / "build/tools/bin"
    os.environ["PATH"] = f"{bins}:{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in ("nginx", "dnsmasq", "curl", "openssl")
               if not shutil.which(name)]
    if missing and not config.option.collectonly:
        pytest.exit(f"missing: {', '.join(missing)}; ./bootstrap check "
                    "brings them", 2)


def pytest_collection_modifyitems(items):
    """Which tests, in which order, and which must fail."""
    other = "compared" if CONFIG == "turnpike" else "ours"
    items[:] = [item for item in items
                if not item.get_closest_marker(other)]
    # What has been waiting in the background since the start is judged last.
    items.sort(key=lambda item: bool(item.get_closest_marker("last")))
    if CONFIG != "comparison":
        return
    for item in items:
        case = item.name[len(item.originalname) + 1:-1]
        why = expected_failures.reason(item.originalname, case)
        if why:
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))


def pytest_collection_finish(session):
    """A name that nobody has is a test that was renamed."""
    known = {item.originalname for item in session.items}
    whole = not session.config.option.keyword and \
        all(os.path.isdir(arg) for arg in session.config.args)
    stale = expected_failures.names() - known
    if CONFIG == "comparison" and whole and stale:
        pytest.exit(f"expected_failures.py: no test {sorted(stale)}", 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr} (TURNPIKE_NO_SKIP=1)"


@pytest.fixture(scope="session")
def stack():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tp-proxy-"))
    made = Stack(folder, CONFIG)
    try:
        yield made.start()
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def slow(stack, request):
    """What takes long, begun at once and judged when it is done."""
    if not any(item.get_closest_marker("last")
               for item in request.session.items):
        yield None
        return
    made = Slow(stack)
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path):
    return tmp_path

"""N3: what follows the host arrives upstream byte for byte."""

import pytest

CORPUS = [
    "/", "/?", "/a", "/a/", "//", "/a//b", "/a/./b", "/a/b/../c",
    "/a%2Fb%20c%3Fd//e/../f?q=%2F", "/%E2%82%AC?%E2%82%AC", "/a%2fb", "/a%2Fb",
    "/a+b?c+d", "/a%2Bb?c%2Bd", "/a;b=c/d;e", "/a,b:c@d!e$f'g(h)i*j",
    "/~user/-._", "/a?b?c?d", "/a?b=c&d=e&&f", "/a?u=https://x.example/y?z#",
    "/a?sig=AbC%2f%2B%3d%3D&se=2026-01-01T00%3A00%3A00Z", "/a%25b%2525",
    "/%7Euser", "/a%5Cb", "/a\\b", "/a|b", "/{a}/[b]/\"c\"/<d>/^`",
    "/.hidden/..two/...three", "/trouter/socket.io/1/?v=v4&tc=%7B%22x%22%7D",
    "/a?" + "x" * 4000, "/" + "a" * 4000,
]
assert len(CORPUS) >= 30


@pytest.mark.parametrize("number", range(len(CORPUS)))
def test_path_is_unchanged(stack, number):
    target = CORPUS[number]
    if target.endswith("#"):
        target = target[:-1]
    answer = stack.ask("GET", stack.path("good.skype.com", target),
                       wish={"body": "x"})
    assert answer.status == 200, answer
    assert stack.last("good.skype.com").target == target


def test_path_is_unchanged_over_http2(stack):
    import subprocess

    target = "/a%2Fb%20c%3Fd//e/../f?q=%2F"
    done = subprocess.run([
        "curl", "--silent", "--http2", "--path-as-is", "--globoff",
        "--cacert", str(stack.authority.file), "--interface", stack.source(),
        "--resolve", f"proxy.example.org:{stack.port}:127.77.0.1",
        "--write-out", " %{http_version} %{http_code}",
        f"https://proxy.example.org:{stack.port}"
        + stack.path("good.skype.com", target)],
        capture_output=True, text=True)
    assert done.stdout.endswith(" 2 200"), done
    assert stack.last("good.skype.com").target == target

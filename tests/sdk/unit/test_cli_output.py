"""What the command line prints of strangers' texts: as they are, and nothing else."""

import sys
from io import StringIO

import pytest

from anacostia_blockchain.cli.output import Output, styled, tick

MARKUP = "[link=https://evil.example]https://good.example[/link] [conceal]hidden [/b] \\[x] :key:"
OBEYED = "\x1b]8;;https://evil.example\x07 \x9b2J \u202egpj.exe\u2069"
SPELT = "\\x1b]8;;https://evil.example\\x07 \\x9b2J \\x202egpj.exe\\x2069"


@pytest.fixture
def terminal(monkeypatch):
    """What reaches a terminal of both streams, by name."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in (("TERM", "xterm"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
    out, written = Output(), {}
    for name in ("_out", "_err"):
        written[name] = getattr(out, name).file = StringIO()
    return out, written


def test_a_strangers_text_is_no_markup(terminal):
    out, written = terminal
    for text, shown in ((MARKUP, MARKUP), (OBEYED, SPELT)):
        out.result(None, text)
        out.table(("check", ""), [(text, tick(passed=True))], None, title=text)
        out.note(text)
        out.error(ValueError(text))
        for stream, times in (("_out", 3), ("_err", 2)):
            assert written[stream].getvalue().count(shown) == times, stream
            assert "\x1b]8" not in written[stream].getvalue()
            written[stream].truncate(0)


def test_our_own_words_have_their_colours(terminal):
    out, written = terminal
    out.table(("check", ""), [("run", tick(passed=False))], None)
    out.note(styled("say ", ("warning", "yellow"), f": {OBEYED}"))
    assert "\x1b[1;31mFAIL\x1b[0m" in written["_out"].getvalue()
    assert f"say \x1b[33mwarning\x1b[0m: {SPELT}" in written["_err"].getvalue()


def test_without_a_terminal_there_are_no_colours(capsys):
    assert not sys.stdout.isatty()
    Output().note(styled(("verified", "green")))
    assert capsys.readouterr().err == "verified\n"

"""Cutting a stream into lines."""

from services.ingest.domain.lines import TOO_LONG, LineCutter


def test_lines_come_whole_whatever_the_pieces() -> None:
    cutter = LineCutter(100)
    assert cutter.feed(b"on") == []
    assert cutter.feed(b"e\r\ntw") == [b"one"]
    assert cutter.feed(b"o\n\n  \nthree\nfo") == [b"two", b"three"]
    assert cutter.feed(b"ur") == []
    assert cutter.finish() == [b"four"]
    assert cutter.finish() == []


def test_a_line_that_is_too_long_is_not_kept() -> None:
    cutter = LineCutter(4)
    assert cutter.feed(b"12345\n1234\n") == [TOO_LONG, b"1234"]
    assert cutter.feed(b"123") == []
    assert cutter.feed(b"456") == []
    assert cutter.feed(b"7" * 1_000) == []
    assert cutter.feed(b"\nok\n") == [TOO_LONG, b"ok"]
    assert cutter.feed(b"12345") == []
    assert cutter.finish() == [TOO_LONG]
    assert cutter.feed(b"ok\n") == [b"ok"]

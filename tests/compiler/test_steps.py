"""A bar that fills, whatever the number of steps turns out to be."""

from __future__ import annotations

from dwcpc.compiler.steps import BAR, WIDTH, Steps


def test_the_bar_fills_and_the_total_grows_with_what_was_not_foreseen() -> None:
    said: list[str] = []
    steps = Steps(said.append, 2)
    for name in ("a", "b", "c"):
        steps.next(name)
    assert all(line.startswith(BAR) for line in said)
    assert [line.rsplit("  ", 1)[1] for line in said] == ["a", "b", "c"]
    assert "1/2" in said[0]
    assert "3/3" in said[2]
    assert said[0].count("█") == 0
    assert said[2].count("█") == 2 * WIDTH // 3

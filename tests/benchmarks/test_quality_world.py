"""The simulated world as a benchmark: what is found and what is false, by one command."""

from __future__ import annotations

import pytest

from benchmarks.quality.world import main
from benchmarks.quality.world_run import scenario


def test_fewer_weeks_are_the_beginning_of_the_same_world() -> None:
    """A scenario's name is permanent: its weeks change how much is scored, not what happens."""
    one, five = scenario(7, 1.0), scenario(7, 5.0)

    assert one.world.parameters == five.world.parameters
    assert one.from_ms == five.from_ms < one.until_ms < five.until_ms


def test_a_day_of_the_small_world_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """Something is found there, and the line of Tocsin itself has every column of the head."""
    assert 0 == main(["--small", "--seed", "7", "--weeks", "0.2857"])
    lines = capsys.readouterr().out.splitlines()
    own = lines[2].replace("no suppressors", "no_suppressors").split()

    assert lines[0].startswith("world-7-small: ")
    assert "tocsin" == own[0]
    assert 0 < float(own[1]) <= 1
    assert 16 == len(own)


@pytest.mark.parametrize("weeks", ["0", "6", "nan"])
def test_weeks_outside_the_world_are_refused(weeks: str) -> None:
    """Usage errors end with code 2."""
    with pytest.raises(SystemExit, match="2"):
        main(["--weeks", weeks])

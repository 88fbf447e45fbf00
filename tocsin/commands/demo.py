"""`tocsin demo`: the simulated world through the real daemon, with its pages, on this machine alone."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.simulation.demo import Demo
    from tocsin.api.live import LiveView
    from tocsin.api.server import ServerHandle
    from tocsin.daemon import Daemon
    from tocsin.demo import Verdict, Watcher

HOST = "127.0.0.1"
PORTS = 20  # that are tried from --port on
COLOURS = {"HELD": "cyan", "RAISED": "bold red", "wider": "red", "resolved": "green"}


def demo(
    days: Annotated[int, typer.Option(min=1, max=60, help="Days of history that are learnt first.")] = 28,
    speed: Annotated[float, typer.Option(min=1.0, help="The ten hours pass so many times as fast.")] = 600.0,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the pages; the next free one if taken.")] = 9464,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End after the ten hours; without a terminal that is so anyway.")
    ] = False,
) -> None:
    """Play ten simulated hours in a minute: what is held back and why, and the one alarm that wakes you.

    Exit code 1 if one of the four expected verdicts did not fall.
    """
    from tocsin.log import setup

    setup("error", "console")
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        code = _play(Path(folder), days, speed, port, ends=once or not sys.stdin.isatty(), opens=not no_open)
    raise typer.Exit(code)


def _play(folder: Path, days: int, speed: float, port: int, *, ends: bool, opens: bool) -> int:
    from rich.console import Console

    from connectors.simulation.demo import demo_world
    from detector.schema import MINUTE_MS
    from suppression.body import iso
    from tocsin.calendar_file import parse_calendars
    from tocsin.commands.options import now_ms
    from tocsin.demo import BUDGET, LearntEngines, Watcher, last_end_ms, situations
    from tocsin.heap import keep_freed_memory
    from tocsin.parameters import Parameters
    from tocsin.progress import Progress

    keep_freed_memory()
    console = Console(highlight=False, soft_wrap=True)
    behind_ms = now_ms() - last_end_ms(now_ms())  # ages on the pages are told by the demo's own clock
    world_demo = demo_world(last_end_ms(now_ms()), days=days)
    world = world_demo.world
    calendar = folder / "calendar.yaml"
    calendar.write_text(world.calendar_yaml(), encoding="utf-8")
    console.print(
        f"A simulated service: {world.watched_count} watched series on 8 devices, 6 regions, 5 activities, and "
        f"{len(world.leaves) - world.watched_count} witnesses of independent stacks."
    )
    with Progress(f"learning {days} days") as progress:
        events = parse_calendars({str(calendar): calendar.read_text(encoding="utf-8")})
        parameters = Parameters(budget=BUDGET, budget_per="service-week")
        engines = LearntEngines(world, world_demo.live_from_minute, parameters, events, progress)
    watcher = Watcher(situations(world_demo), world.parameters.end_ms, lambda verdict: _tell(console, verdict))
    daemon, view = _daemon(folder, calendar, world_demo, engines, speed, watcher)
    server = _serve(view, daemon, port, lambda: now_ms() - behind_ms)
    if not ends:
        watcher.on_end = lambda: _end(console, watcher, server.url)
    first, last = iso(world.parameters.end_ms - 10 * 60 * MINUTE_MS), iso(world.parameters.end_ms)
    console.print(
        f"Playing {first} to {last}, ten hours, in about {36_000 / speed:.0f} s. Inbox: [bold]{server.url}[/]\n"
        "Four things will happen: a match that the calendar knows, fine weather, breaking news, and a failure of one "
        "device in one region during the match.\n"
    )
    if (
        opens
        and not ends
        and (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    ):
        import webbrowser

        webbrowser.open(server.url)
    try:
        code = daemon.run(once=ends)
    finally:
        server.stop()
    has_ended = view.newest() != [] and view.newest()[0].t_ms + MINUTE_MS >= world.parameters.end_ms
    if not has_ended:
        return code or 1
    if ends:
        _summarise(console, watcher)
    return 0 if len(watcher.fallen) == len(watcher.situations) else 1


def _daemon(
    folder: Path, calendar: Path, world_demo: Demo, engines: Any, speed: float, watcher: Watcher
) -> tuple[Daemon, LiveView]:
    """The daemon as `tocsin run` has it, on a data directory that goes away with the demo."""
    from connectors.sinks.memory import MemorySink
    from connectors.sources.simulator import SimulatorSource
    from tocsin.api.live import LiveView
    from tocsin.calendar_file import parse_calendars
    from tocsin.daemon import Daemon, DaemonSettings
    from tocsin.deliver import Manners, Receiver
    from tocsin.reload import WatchedFiles
    from tocsin.silences_file import parse_silences

    sink = MemorySink("demo")
    view = LiveView(world_demo.world.schema(), sinks=[sink.name])
    daemon = Daemon(
        DaemonSettings(folder / "data", reload_every_s=2.0, idle_after_s=0.0, ballast_bytes=0),
        SimulatorSource(world_demo.world, world_demo.live_from_minute, speed=speed, batch_minutes=1),
        engines,
        [Receiver(sink, Manners(notify_budget=None, max_alarm_age_ms=None))],
        parse_calendar=parse_calendars,
        parse_silences=parse_silences,
        watched=[WatchedFiles("calendar", (str(calendar),), parse_calendars)],
        listeners=[view, watcher],
        probe=view.metrics,
    )
    view.status = daemon.status
    return daemon, view


def _serve(view: LiveView, daemon: Daemon, port: int, clock: Callable[[], int]) -> ServerHandle:
    """The pages on the first free port from `port` on."""
    from detector.errors import StorageError
    from tocsin.api.app import create_app
    from tocsin.api.server import serve_in_thread

    app = create_app(view, reload=lambda: [str(fault) for fault in daemon.reload()], now_ms=clock)
    last = min(port + PORTS, 65_535) if port else 0
    for candidate in range(port, last):
        try:
            return serve_in_thread(app, HOST, candidate)
        except StorageError:
            continue
    return serve_in_thread(app, HOST, last)


def _tell(console: Any, verdict: Verdict) -> None:
    from datetime import UTC, datetime

    from rich.text import Text

    clock = datetime.fromtimestamp(verdict.t_ms / 1000, UTC).strftime("%H:%M")
    line = Text(f"{clock}  ")
    is_awaited = verdict.situation is not None
    colour = COLOURS.get(verdict.kind, "")
    line.append(f"{verdict.kind:8}  ", style=colour)
    line.append(verdict.words, style=f"bold {colour}" if is_awaited else "")
    line.append(f": {verdict.summary}")
    if verdict.reasons:
        line.append(f"  [{', '.join(verdict.reasons)}]", style="dim")
    console.print(line)


def _end(console: Any, watcher: Watcher, url: str) -> None:
    _summarise(console, watcher)
    console.print(f"The pages stay at [bold]{url}[/] until Ctrl-C.")


def _summarise(console: Any, watcher: Watcher) -> None:
    """The four situations and what became of them."""
    told = watcher.told
    console.print(
        f"\nTen hours are over: {told['raised']} raised, {told['held']} verdicts to hold. What was to be seen:"
    )
    for situation in watcher.situations:
        has_fallen = situation.name in watcher.fallen
        mark, style = ("yes", "green") if has_fallen else ("NO ", "bold red")
        console.print(f"  [{style}]{mark}[/]  {situation.words}")

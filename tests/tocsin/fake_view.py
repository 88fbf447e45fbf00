"""A small watched world with alarms of every kind, as the engine would tell of it; for tests of what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from detector.schema import Dimension, Metric, Parent, Schema
from detector.series import SeriesIndex
from suppression.alarm import AlarmEvent, alarm_id
from tocsin.api.live import LiveView
from tocsin.api.times import to_text
from tocsin.outcome import ROW_STATES, Outcome
from tocsin.status import FileStatus, SnapshotStatus, Status

MINUTE = 60_000
START = 1_763_676_000_000  # 2025-11-20T22:00:00Z
TICKS = 180
NOW = START + TICKS * MINUTE
DEVICES, REGIONS, ACTIVITIES = ("android", "ios", "tv"), ("eu-north", "eu-west", "us-east"), ("login", "play", "search")

SCHEMA = Schema(
    dimensions=(
        Dimension("device", (Parent("family", {"phone": ("ios", "android")}),), DEVICES),
        Dimension("region", (Parent("continent", {"eu": ("eu-*",), "na": ("us-*",)}),), REGIONS),
        Dimension("activity", (), ACTIVITIES),
    ),
    metrics=(
        Metric("requests", stack="service", kind="count"),
        Metric("cdn_bytes", role="witness", stack="delivery", dimensions=("region",)),
    ),
)


def index() -> SeriesIndex:
    """All cells of the world, with their roll-ups."""
    rows = SeriesIndex(SCHEMA)
    rows.admit(("requests", d, r, a) for d in DEVICES for r in REGIONS for a in ACTIVITIES)
    rows.admit(("cdn_bytes", "", region, "") for region in REGIONS)
    return rows


def status() -> Status:
    """A daemon in good health that reads two partitions of a topic."""
    fates = {("scored", ""): 1000, ("late", ""): 3, ("rejected", "bad_value"): 2}
    return Status(
        partitions=("t/0", "t/1"),
        fates={"t/0": fates, "t/1": {("scored", ""): 900}},
        watermarks={"t/0": NOW - 2 * MINUTE, "t/1": NOW - 2 * MINUTE},
        lag={"t/0": (0, NOW), "t/1": (5, NOW - 8000)},
        snapshot=SnapshotStatus(NOW, 0.2, 12345),
        queue_length={"hook": 1},
        files={"config": FileStatus(True, NOW), "calendar": FileStatus(False, NOW)},
        series_limit=200_000,
        budget_promised={"all": 3.0},
        effective_votes=2.1,
    )


def body(
    cuboid: dict[str, str], start_tick: int, *, state: str = "firing", severity: str = "critical", **more: Any
) -> dict[str, Any]:
    """The JSON of one alarm; `more` replaces fields, or those of `evidence` when named so."""
    full = {"device": "*", "region": "*", "activity": "*"} | cuboid
    name = alarm_id(START + start_tick * MINUTE, "requests", full, "down")
    labels = " on ".join(v for v in full.values() if v != "*") or "all series"
    told: dict[str, Any] = {
        "alarm_id": name,
        "revision": 1,
        "state": state,
        "acknowledged": False,
        "end": None,
        "severity": severity,
        "series": {"metric": "requests"} | full,
        "cuboid": {"first": full, "present": full},
        "direction": "down",
        "summary": f"requests of {labels} are 63% below expected",
        "starts_at": to_text(START + start_tick * MINUTE),
        "detected_at": to_text(START + (start_tick + 2) * MINUTE),
        "ends_at": None,
        "observed": 412.0,
        "expected": 1113.4,
        "lower": 1021.0,
        "upper": 1206.9,
        "surprise": -12.3,
        "p": 5e-13,
        "evidence": evidence(),
        "suppression": None,
        "related": {"incident": name},
        "links": {
            "self": f"https://tocsin.example.org/alarms/{name}",
            "runbook": "https://runbooks.example.org/login-drop",
            "dashboard": "https://grafana.example.org/d/tocsin-series",
        },
        "model": {"config_hash": "b1946ac9", "calendar_hash": "3e25960a", "version": "0.1.0"},
    }
    return told | more


def evidence() -> dict[str, Any]:
    """What a typical alarm is believed for."""
    checks = dict.fromkeys(("calendar", "mute", "silence", "low_impact", "agreement", "stack", "part_of"), False)
    return {
        "scorers": [
            {"name": "correlation", "surprise": -9.4, "peak": -10.1, "value": -6.4, "explains": "contrast, in sd"},
            {"name": "forecast_residual", "surprise": -8.9, "peak": -9.6, "value": -6.1, "explains": "residual, in sd"},
            {"name": "derivative", "surprise": -6.2, "peak": -7.0, "value": -5.0, "explains": "change of slope, in sd"},
        ],
        "votes": {"for": 3, "against": 0, "abstain": 2, "effective": 2.1},
        "witnesses": [
            {"metric": "cdn_bytes", "region": "eu-west", "stack": "delivery", "surprise": 0.3, "llr": -1.5, "age": "1m"}
        ],
        "event": {
            "id": "premiere-1120",
            "predicted": 0.24,
            "observed": -0.63,
            "lower": 0.05,
            "upper": 0.45,
            "explains": False,
        },
        "checks": checks,
        "threshold": {"fused": 17.4, "at": 7.5, "budget": {"rate": 3, "per": "1000-series-week", "realised": 2.6}},
        "window": {"from": to_text(START), "to": to_text(NOW)},
    }


def held(reason: str, by: str, until_tick: int) -> dict[str, Any]:
    """`suppression` of a held candidate."""
    until = to_text(START + until_tick * MINUTE)
    return {
        "reasons": [{"reason": reason, "by": by, "since": to_text(START), "until": until}],
        "would_have_fired_at": to_text(START + 100 * MINUTE),
        "minimum_detectable_drop": 0.35,
    }


def event(kind: str, told: dict[str, Any], tick: int, *, is_told: bool = True) -> AlarmEvent:
    """A transition to the state that a body says; a held candidate is never told."""
    return AlarmEvent(
        kind,  # type: ignore[arg-type]
        START + tick * MINUTE,
        told["alarm_id"],
        told["revision"],
        told["state"],
        told["severity"],
        told["end"],
        is_told and told["suppression"] is None,
        told,
    )


def happenings() -> dict[int, list[AlarmEvent]]:
    """What happens in the world: tick → transitions."""
    login = body({"device": "ios", "region": "eu-west", "activity": "login"}, 150)
    wide = login | {
        "revision": 2,
        "cuboid": {"first": login["series"], "present": {**login["series"], "activity": "*"}},
    }
    wide["cuboid"] = {side: {k: v for k, v in c.items() if k != "metric"} for side, c in wide["cuboid"].items()}
    search = body({"activity": "search"}, 160, severity="warning", observed=800.0, surprise=-8.1)
    game = body({"region": "us-east"}, 120, state="held", suppression=held("calendar", "nfl-tnf-2026", 200))
    sunny = body(
        {"region": "eu-north"},
        90,
        state="held",
        severity="warning",
        observed=1001.0,
        surprise=-7.9,
        suppression=held("low_impact", "", 240),
    )
    news = body({"device.family": "phone", "region.continent": "eu"}, 60, severity="info", surprise=-15.0)
    news_held = news | {"state": "held", "suppression": held("stack", "cdn_bytes", 200), "revision": 1}
    news_done = news | {
        "state": "resolved",
        "end": "recovered",
        "ends_at": to_text(START + 110 * MINUTE),
        "revision": 2,
    }
    step = body({"device": "tv", "activity": "play"}, 20, severity="warning")
    step_done = step | {"state": "resolved", "end": "adapted", "ends_at": to_text(START + 80 * MINUTE), "revision": 2}
    return {
        22: [event("fired", step, 22)],
        62: [event("held", news_held, 62)],
        80: [event("resolved", step_done, 80)],
        92: [event("held", sunny, 92)],
        110: [event("resolved", news_done, 110, is_told=False)],
        122: [event("held", game, 122)],
        152: [event("fired", login, 152)],
        158: [event("updated", wide, 158)],
        163: [event("fired", search, 163)],
    }


def outcomes(rows: SeriesIndex) -> list[Outcome]:
    """Three hours of ticks over all rows: a daily wave, an outage of one region's phones, the happenings."""
    generator = np.random.default_rng(7)
    lattice = rows.lattice()
    told = happenings()
    ios_west = [
        row for row in np.flatnonzero(lattice.leaf)
        if rows.labels(row).get("device") == "ios" and rows.labels(row).get("region") == "eu-west"
    ]  # fmt: skip
    made = []
    for tick in range(TICKS):
        expected = np.zeros(len(rows))
        expected[lattice.leaf] = 370 * (1 + 0.25 * np.sin(tick / 40))
        observed = np.where(lattice.leaf, generator.poisson(expected), 0).astype(np.float64)
        if tick >= 150:
            observed[ios_west] *= 0.37
        expected, observed = lattice.sum_up(expected), lattice.sum_up(observed)
        band = 3 * np.sqrt(expected)
        surprise = np.clip((observed - expected) / np.sqrt(np.maximum(expected, 1)), -15, 15)
        state = np.full(len(rows), ROW_STATES.index("calm"), np.int8)
        if tick >= 152:
            state[ios_west] = ROW_STATES.index("firing")
        if 30 <= tick <= 33:
            observed[:] = np.nan
        events = tuple(told.get(tick, ()))
        made.append(
            Outcome(
                START + tick * MINUTE,
                MINUTE,
                rows,
                events,
                *(a.astype(np.float32) for a in (observed, expected, expected - band, expected + band, surprise)),
                state,
                candidates=len(events),
                held={e.data["suppression"]["reasons"][0]["reason"]: 1 for e in events if e.type == "held"},
                calendar=("premiere-1120",) if 100 <= tick < 170 else (),
            )
        )
    return made


def fake_view(**options: Any) -> LiveView:
    """A view that has seen three hours of that world."""
    view = LiveView(SCHEMA, status, sinks=("hook",), **options)
    for outcome in outcomes(index()):
        view.on_outcome(outcome)
    return view


def exported_names() -> list[str]:
    """Families that are ever exported on either path, `_total` included; library families left out."""
    from dataclasses import replace

    from prometheus_client.parser import text_string_to_metric_families

    full = replace(
        status(),
        budget_realised={"all": 2.0},
        conflicts={"t": 1},
        client_rebuilds={("consumer", "stalled"): 1},
        calendar_events={"active": 1},
    )
    view = fake_view()
    view.status = lambda: full
    text = view.metrics_text()[0] + view.series.render()
    families = text_string_to_metric_families(text.decode())
    names = {f"{f.name}_total" if f.type == "counter" else f.name for f in families}
    return sorted(name for name in names if name.startswith("tocsin_"))

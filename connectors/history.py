"""The history for people: alarms, their events, charts and feedback, in SQLite or PostgreSQL.

A projection of the journal, filled by upsert: it may be away for an hour, be deleted, or be filled twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from connectors.journal import first_reason
from connectors.kept import Body, KeptEvent, Wanted, with_reasons
from detector.errors import ConfigError, RefusedError, UnreachableError

VERSION = 1
VERDICTS = ("real", "false", "unsure")
SERIES = ("t", "observed", "expected", "lower", "upper")

metadata = sa.MetaData()
meta = sa.Table(
    "meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("end", sa.Text),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("was_held", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("first_tick_ms", sa.BigInteger, nullable=False),
    sa.Column("tick_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("body", sa.JSON, nullable=False),
)
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("alarm_id", sa.Text, nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("tick_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("end", sa.Text),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
)
points = sa.Table(
    "points",
    metadata,
    sa.Column("alarm_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.JSON, nullable=False) for name in SERIES),
)
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alarm_id", sa.Text, nullable=False, index=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("cause", sa.Text),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

Points = Mapping[str, Sequence[Any]]  # the names of SERIES


class History:
    """One database by URL. Making one connects to nothing; every method raises `UnreachableError` while it is away."""

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
            self._engine = sa.create_engine(parsed, **_options(parsed))
        except NoSuchModuleError as error:
            raise ConfigError(f"outputs.database.url: expected sqlite:/// or postgresql://, got {error}") from error
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"outputs.database.url: needs the package {error.name}: install tocsin[postgres]"
            ) from error
        except SQLAlchemyError as error:
            raise ConfigError(f"outputs.database.url: expected a database URL: {error}") from error
        self._shown = parsed.render_as_string(hide_password=True)
        self._is_prepared = False

    def cursor(self, journal_id: str) -> int:
        """How far this journal has been taken in."""
        with self._begin() as db:
            text = db.scalar(sa.select(meta.c.value).where(meta.c.key == f"cursor:{journal_id}"))
        return int(text or 0)

    def take(self, journal_id: str, rows: Sequence[KeptEvent], charts: Mapping[str, Points] | None = None) -> None:
        """Takes transitions in, in order, with charts by alarm id, and moves the cursor; all or nothing."""
        if not rows:
            return
        with self._begin() as db:
            for row in rows:
                event = row._asdict()
                del event["seq"]
                db.execute(self._upsert(events, "id"), event)
                self._take_alarm(db, row)
            for alarm_id, chart in (charts or {}).items():
                db.execute(
                    self._upsert(points, "alarm_id"), {"alarm_id": alarm_id, **{n: list(chart[n]) for n in SERIES}}
                )
            db.execute(self._upsert(meta, "key"), {"key": f"cursor:{journal_id}", "value": str(rows[-1].seq)})

    def alarms(self, wanted: Wanted) -> Iterator[Body]:
        query = sa.select(alarms.c.id, alarms.c.was_held, alarms.c.body).order_by(alarms.c.id.desc())
        for column, allowed in (
            (alarms.c.state, wanted.states), (alarms.c.severity, wanted.severities), (alarms.c.reason, wanted.reasons)
        ):  # fmt: skip
            if allowed:
                query = query.where(column.in_(sorted(allowed)))
        if wanted.only_held:
            query = query.where(alarms.c.was_held)
        if wanted.since_ms is not None:
            query = query.where((alarms.c.state != "resolved") | (alarms.c.tick_ms >= wanted.since_ms))
        if wanted.before_id is not None:
            query = query.where(alarms.c.id < wanted.before_id)
        with self._begin() as db:
            for row in db.execute(query.execution_options(yield_per=200)):
                yield self._with_reasons(row.id, row.was_held, row.body)

    def alarm(self, alarm_id: str) -> Body | None:
        with self._begin() as db:
            row = db.execute(sa.select(alarms.c.was_held, alarms.c.body).where(alarms.c.id == alarm_id)).first()
        return None if row is None else self._with_reasons(alarm_id, row.was_held, row.body)

    def events(self, alarm_id: str) -> list[KeptEvent]:
        query = sa.select(events).where(events.c.alarm_id == alarm_id).order_by(events.c.revision)
        with self._begin() as db:
            return [KeptEvent(0, *row) for row in db.execute(query)]

    def points(self, alarm_id: str) -> dict[str, list[Any]] | None:
        with self._begin() as db:
            row = db.execute(sa.select(points).where(points.c.alarm_id == alarm_id)).first()
        return None if row is None else {name: list(row._mapping[name]) for name in SERIES}

    def add_feedback(self, alarm_id: str, verdict: str, *, by: str, at_ms: int, cause: str | None = None) -> None:
        """Keeps what a person says of an alarm; `verdict` is real, false or unsure."""
        if verdict not in VERDICTS:
            raise ConfigError(f"verdict: expected one of {', '.join(VERDICTS)}, got {verdict!r}")
        row = {"alarm_id": alarm_id, "verdict": verdict, "cause": cause, "by": by, "at_ms": at_ms}
        with self._begin() as db:
            db.execute(sa.insert(feedback), row)

    def feedback(self, alarm_id: str) -> list[dict[str, Any]]:
        query = sa.select(feedback).where(feedback.c.alarm_id == alarm_id).order_by(feedback.c.id)
        with self._begin() as db:
            return [dict(row._mapping) for row in db.execute(query)]

    def told_unconfirmed(self, since_ms: int) -> int:
        """Alarms told whose first tick is not before `since_ms`, without those whose newest verdict is "real"."""
        newest = sa.select(sa.func.max(feedback.c.id)).group_by(feedback.c.alarm_id)
        real = sa.select(feedback.c.alarm_id).where(feedback.c.id.in_(newest), feedback.c.verdict == "real")
        query = sa.select(sa.func.count()).select_from(alarms)
        query = query.where(alarms.c.told, alarms.c.first_tick_ms >= since_ms, alarms.c.id.not_in(real))
        with self._begin() as db:
            return int(db.scalar(query) or 0)

    def close(self) -> None:
        self._engine.dispose()

    def _take_alarm(self, db: sa.Connection, row: KeptEvent) -> None:
        values = {
            "id": row.alarm_id, "state": row.state, "severity": row.severity, "end": row.end, "revision": row.revision,
            "told": row.told, "was_held": row.type == "held" or row.state == "held", "reason": first_reason(row.body),
            "first_tick_ms": row.tick_ms, "tick_ms": row.tick_ms, "body": row.body,
        }  # fmt: skip
        insert = self._insert(alarms)
        new = insert.excluded
        db.execute(
            insert.on_conflict_do_update(
                index_elements=["id"],
                set_={
                    **{name: new[name] for name in ("state", "severity", "end", "revision", "tick_ms", "body")},
                    "told": alarms.c.told | new.told,
                    "was_held": alarms.c.was_held | new.was_held,
                    "reason": sa.func.coalesce(alarms.c.reason, new.reason),
                },
                where=new.revision >= alarms.c.revision,
            ),
            values,
        )

    def _upsert(self, table: sa.Table, key: str) -> Any:
        insert = self._insert(table)
        rest = {column.name: insert.excluded[column.name] for column in table.columns if column.name != key}
        return insert.on_conflict_do_update(index_elements=[key], set_=rest)

    def _insert(self, table: sa.Table) -> Any:
        return postgresql.insert(table) if self._engine.dialect.name == "postgresql" else sqlite.insert(table)

    def _with_reasons(self, alarm_id: str, was_held: bool, body: Body) -> Body:
        return with_reasons(body, lambda: self.events(alarm_id)) if was_held else body

    def _begin(self) -> _Transaction:
        if not self._is_prepared:
            with _Transaction(self._engine, self._shown) as db:
                metadata.create_all(db)
                version = db.scalar(sa.select(meta.c.value).where(meta.c.key == "version"))
                if version is None:
                    db.execute(sa.insert(meta), {"key": "version", "value": str(VERSION)})
                elif int(version) > VERSION:
                    raise RefusedError(
                        f"{self._shown}: version {version} is of a newer Tocsin; this one reads up to {VERSION}"
                    )
            self._is_prepared = True
        return _Transaction(self._engine, self._shown)


class _Transaction:
    """A transaction whose database errors are told as `UnreachableError`, without the password."""

    def __init__(self, engine: sa.Engine, shown: str) -> None:
        self._context, self._shown = engine.begin(), shown

    def __enter__(self) -> sa.Connection:
        try:
            return self._context.__enter__()
        except SQLAlchemyError as error:
            raise UnreachableError(f"{self._shown}: cannot be reached: {_cause(error)}") from error

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        except SQLAlchemyError as failure:
            error = failure
        if isinstance(error, SQLAlchemyError):
            raise UnreachableError(f"{self._shown}: failed: {_cause(error)}") from error


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _options(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": 10, "check_same_thread": False}}
    return {"pool_pre_ping": True, "pool_size": 3, "connect_args": {"connect_timeout": 5}}

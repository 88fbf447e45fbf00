"""The configuration: five lines are enough, every mistake is told at its place, and nothing is ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.mapping import MetricMapping, TimeField
from detector.schema import Dimension, Group, Independence, Parent
from tocsin.config.config import Config
from tocsin.config.faults import FaultsError
from tocsin.config.json_schema import json_schema
from tocsin.config.load import load_config, parse_config, unwritable
from tocsin.config.models import ConfigModel

CONFIGS = Path(__file__).parents[2] / "configs"
FIVE = "version: 1\nsource:\n  kafka:\n    bootstrap_servers: [localhost:9092]\n    topics: [samples]\n"


def config(more: str = "", environment: dict[str, str] | None = None) -> Config:
    return parse_config(FIVE + more, "t.yaml", environment or {})


def faults(more: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        config(more, environment)
    assert 2 == caught.value.exit_code
    return [str(fault) for fault in caught.value.faults]


def test_five_lines_have_the_documented_defaults() -> None:
    """Kafka, JSON, three dimensions, one watched metric, a budget of 3 per 1000 series-weeks."""
    loaded = config()
    schema, mapping = loaded.schema(), loaded.mapping()

    assert ("device", "region", "activity") == schema.dimension_names
    assert [("value", "watched", "auto", "sum", "gap")] == [
        (m.name, m.role, m.kind, m.aggregate, m.missing) for m in schema.metrics
    ]
    assert ("region", 60_000, 120_000, 200_000) == (
        schema.place, schema.interval_ms, schema.lateness_ms, schema.max_series,
    )  # fmt: skip
    assert ("single", TimeField(("ts",), "ms", False)) == (mapping.layout, mapping.timestamp)
    assert (3.0, "1000-series-week") == (loaded.alarm_budget.rate, loaded.alarm_budget.per)
    assert (None, (), None) == (loaded.model.outputs.kafka.alarms_topic, loaded.calendar_files(), loaded.silences_file)
    assert ("kafka", "PLAINTEXT", "127.0.0.1:9464") == (
        loaded.source.kind, loaded.source.kafka and loaded.source.kafka.security_protocol, loaded.model.web.listen,
    )  # fmt: skip
    assert "sqlite:////var/lib/tocsin/tocsin.db" == loaded.database_url


def test_no_dimensions_is_a_single_series() -> None:
    """`dimensions: {}` leaves no label, no column and no place."""
    loaded = config("dimensions: {}\n")

    assert ((), None, ()) == (loaded.schema().dimensions, loaded.schema().place, loaded.mapping().columns)


def test_schema_and_mapping_follow_the_file() -> None:
    """Parents by path and by map, roles, stacks, conditions and groups reach the values that the engine takes."""
    loaded = load_config(CONFIGS / "tocsin.yaml", {})
    schema, mapping = loaded.schema(), loaded.mapping()

    assert Dimension("device", (Parent("family"),)) == schema.dimensions[0]
    assert Dimension("region", (Parent("continent", {"eu": ("eu-*",), "na": ("us-*", "ca")}),)) == schema.dimensions[1]
    assert (Independence("service", "delivery", ("region",)),) == schema.independence
    assert Group({"activity": ("test_*",)}, ignore=True) == schema.groups[0]
    assert MetricMapping("requests", ((("metric",), "requests"),), ("value",), minimum=0.0) == mapping.metrics[0]
    assert ("region",) == mapping.metrics[1].dimensions
    assert (("device", ("dims", "device_type")), ("device.family", ("dims", "family"))) == (
        mapping.columns[0], mapping.columns[3],
    )  # fmt: skip
    assert tuple(name for name, _ in mapping.columns) == schema.key_columns[1:]


@pytest.mark.parametrize("name", ["tocsin.yaml", "minimal.yaml"])
def test_shipped_files_pass(name: str) -> None:
    """What we ship is valid, also as `config show --effective` prints it."""
    loaded = load_config(CONFIGS / name, {})
    again = parse_config(json.dumps(loaded.effective()), "again.yaml", {})

    assert loaded.effective() == again.effective()
    assert loaded.fingerprint() == again.fingerprint()


def test_shipped_tocsin_yaml_shows_every_key() -> None:
    """A key that is not in the commented file does not exist for its readers."""
    text = (CONFIGS / "tocsin.yaml").read_text(encoding="utf-8")
    definitions = json_schema(ConfigModel, "t")["definitions"]
    names = {name for definition in definitions.values() for name in definition.get("properties", {})}

    assert set() == {name for name in names if f"{name}:" not in text and f"{name}_file:" not in text}


def test_shipped_schema_is_the_generated_one() -> None:
    """Editors complete what the program accepts."""
    shipped = json.loads((CONFIGS / "tocsin.schema.json").read_text(encoding="utf-8"))

    assert json_schema(ConfigModel, "tocsin.yaml") == shipped


def test_all_faults_are_told_at_once() -> None:
    """One bad key does not hide the next; each has its line and column."""
    found = faults(
        "intervall: 1m\nwarmup: 5 minuts\nplace: regoin\nalarm_budget: {rate: 0, per: weekly}\nmax_series: 1.5\n"
    )

    assert [
        "t.yaml:6:1: intervall: unknown key; did you mean 'interval'?",
        "t.yaml:7:9: warmup: expected a duration in w, d, h, m, s and ms, in this order, for example 90s, 15m or "
        "3h30m, got '5 minuts'",
        "t.yaml:8:8: place: 'regoin' is no dimension; did you mean 'region'?",
        "t.yaml:9:22: alarm_budget.rate: expected a number above 0.0, got 0.0",
        "t.yaml:9:30: alarm_budget.per: expected '1000-series-week', 'series-week' or 'service-week', got 'weekly'",
        "t.yaml:10:13: max_series: expected a whole number, got 1.5",
    ] == found


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("alarm_budget: {rate: -1}\n", "alarm_budget.rate: expected a number above 0"),
        ("alarm_budget: {rate: .inf}\n", "alarm_budget.rate: expected a finite number"),
        ("alarm_budget: {rate: .nan}\n", "alarm_budget.rate: expected a"),
        ("web: {listen: '127.0.0.1:0'}\n", "web.listen: expected a port from 1 to 65535, got 0"),
        ("web: {listen: '127.0.0.1:70000'}\n", "expected a port from 1 to 65535, got 70000"),
        ("web: {listen: 9464}\n", "web.listen: expected host:port, got 9464"),
        ("web: {auth: {mode: basic}}\n", "web.auth.mode: expected 'none', got 'basic'"),
        ("web: {external_url: javascript:alert(1)}\n", "web.external_url: expected a URL that starts with http://"),
        ("interval: 10\n", "interval: a duration needs a unit, for example 90s, 15m or 3h30m, got 10"),
        ("interval: 500ms\n", "interval: expected an interval from 1s to 7d"),
        ("allowed_lateness: 0s\n", "allowed_lateness: expected a duration above zero"),
        ("max_series: 0\n", "max_series: expected at least 1"),
        ("max_series: '5'\n", "max_series: expected a whole number, got '5'"),
        ("metrics: {}\n", "metrics: expected at least 1"),
        ("metrics: {a: {where: metric = 3}}\n", "metrics.a.where: expected conditions like"),
        ("metrics: {a: {where: metric == requests}}\n", "true, false or a text in quotes, got requests"),
        ("metrics: {a: {denominator: b}}\n", "metrics.a.denominator: 'b' is no other metric; known are a"),
        ("metrics: {a: {dimensions: [regin]}}\n", "metrics.a.dimensions.0: 'regin' is no dimension"),
        ("metrics: {a: {}, b: {}}\n", "metrics.b: reads the same values as 'a'"),
        ("metrics: {a: {value: a..b}}\n", "metrics.a.value: path 'a..b'"),
        ("dimensions: {a: , b: , c: , d: , e: }\n", "dimensions: expected at most 4"),
        ("dimensions: {metric: }\n", "the name 'metric' is taken"),
        ("dimensions: {a-b: }\n", "expected a name of letters, digits and _"),
        ("dimensions: {a: {parents: {p: {}}}}\n", "dimensions.a.parents.p: expected either path or map"),
        ("dimensions: {a: {parents: {p: {path: x}}}, a_p: }\n", "its label a_p is a dimension's name already"),
        ("groups: [{match: {regoin: x}, ignore: true}]\n", "groups.0.match.regoin: is neither metric, a dimension nor"),
        ("groups: [{match: {region: NO}}]\n", "groups.0: says nothing"),
        ("groups: [{match: {region: 5}, ignore: true}]\n", "such as eu-*, got 5; put it in quotes"),
        ("independence: [{watched: a, witness: b}]\n", "independence.0.watched: no watched metric has the stack 'a'"),
        ("outputs: {webhooks: [{name: a, url: http://h}, {name: a, url: http://i}]}\n",
         "outputs.webhooks.1.name: 'a' is the name of outputs.webhooks.0 already"),
        ("outputs: {webhooks: [{name: a, url: 'ftp://u:pw@h'}]}\n", "expected a URL that starts with http:// or https://"),
        ("outputs: {alertmanager: {enabled: true}}\n", "this version does not push to Alertmanager"),
        ("outputs: {kafka: {scores_topic: s}}\n", "this version does not write scores"),
        ("outputs: {kafka: {alarms_topic: samples}}\n", "must not be one of the topics that are read"),
        ("outputs: {kafka: {alarms_topic: 'a b'}}\n", "expected a topic name of letters"),
        ("outputs: {prometheus: {values: true}}\n", "this version does not export raw values"),
        ("suppression: {audit: {inject_faults: true}}\n", "this version has no audit yet"),
    ],
)  # fmt: skip
def test_wrong_values_are_named_with_what_was_expected(more: str, expected: str) -> None:
    """Each wrong value gets its path and its reason."""
    found = faults(more)

    assert any(expected in fault for fault in found), found
    assert not any("pw" in fault for fault in found)


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("[' a:9092 ', 'b:9093']", ("a:9092", "b:9093")),
        ("'a:9092, b'", ("a:9092", "b:9092")),
        ("'a:9092,'", ("a:9092",)),
        ("['[::1]:9092', '[fe80::1]']", ("[::1]:9092", "[fe80::1]:9092")),
        ("['a:9092', 'a:9092']", ("a:9092",)),
    ],
)
def test_broker_lists_are_read_as_people_write_them(servers: str, expected: tuple[str, ...]) -> None:
    """Blanks, a last comma, a missing port and IPv6 in brackets are understood."""
    loaded = parse_config(
        f"version: 1\nsource: {{kafka: {{bootstrap_servers: {servers}, topics: [t]}}}}\n", "t.yaml", {}
    )

    assert loaded.source.kafka is not None
    assert expected == loaded.source.kafka.bootstrap_servers


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        ("[kafka://a:1]", "without a scheme"),
        ("['::1:9092']", "needs brackets"),
        ("[a:0]", "a port from 1 to 65535, got 0"),
        ("[]", "at least one host:port"),
        ("['a b:1']", "expected host:port"),
        ("9092", "expected a list of host:port"),
    ],
)
def test_wrong_broker_lists_are_errors(servers: str, reason: str) -> None:
    """What cannot be an address is refused when the file is read and not when the broker is called."""
    with pytest.raises(FaultsError, match=reason):
        parse_config(f"version: 1\nsource: {{kafka: {{bootstrap_servers: {servers}, topics: [t]}}}}\n", "t.yaml", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 2\n", "version: expected 1, the only version there is, got 2"),
        ("source: {kind: simulator}\n", "t.yaml:1:1: version: is required"),
        ("version: 1\n", "source: is required"),
        ("version: 1\nsource: {kind: kafka}\n", "source.kafka: is required"),
        ("version: 1\nsource: {kind: memory, dead_letter_topic: a}\n", "keeps bad records in its own journal"),
        ("version: 1\nsource: {kind: memory}\noutputs: {kafka: {alarms_topic: a}}\n", "needs bootstrap_servers here"),
        ("version: 1\nsource: {kind: file}\n", "source.file: is required: paths"),
        ("version: 1\nsource: {kind: prometheus}\n", "source.kind: expected 'kafka', 'file', 'simulator' or 'memory'"),
        ("version: 1\nsource: {kind: memory, format: {codec: avro}}\n", "codec: expected 'json', got 'avro'"),
        ("version: 1\nsource: {kind: memory, format: {samples: x}}\n", "only the layouts batch and columnar"),
        ("version: 1\nsource: {kafka: {bootstrap_servers: [a], topics: [t], client_options: {ssl_cafile: x}}}\n",
         "ssl_cafile: set as a key of its own"),
        ("version: 1\nsource: {kafka: {bootstrap_servers: [a], topics: [t], security_protocol: SASL_SSL}}\n",
         "SASL_SSL needs sasl_mechanism"),
    ],
)  # fmt: skip
def test_incomplete_files_are_told_what_is_missing(text: str, expected: str) -> None:
    """A missing part is a fault at the part that needs it."""
    with pytest.raises(FaultsError) as caught:
        parse_config(text, "t.yaml", {})

    assert expected in str(caught.value)


def test_a_source_is_not_needed_for_a_backtest() -> None:
    """The rest of a configuration can be read without one."""
    assert parse_config("version: 1\n", "t.yaml", {}, needs_source=False).model.source is None


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Calendar patterns, silences and data stand beside the configuration."""
    (tmp_path / "cal").mkdir()
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / "cal" / name).write_text("version: 1\n")
    path = tmp_path / "tocsin.yaml"
    more = (
        "suppression: {calendar: {files: [cal/*.yaml, gone.yaml]}, silences: {file: s.yaml}}\nnode: {data_dir: data}\n"
    )
    path.write_text(FIVE + more)

    loaded = load_config(path, {})

    assert ["a.yaml", "b.yaml", "gone.yaml"] == [file.name for file in loaded.calendar_files()]
    assert (tmp_path / "s.yaml", tmp_path / "data") == (loaded.silences_file, loaded.data_dir)
    assert [] == unwritable(loaded)


def test_a_file_in_place_of_the_data_folder_is_told(tmp_path: Path) -> None:
    """The daemon asks before it starts."""
    (tmp_path / "data").write_text("")
    path = tmp_path / "tocsin.yaml"
    path.write_text(FIVE + "node: {data_dir: data}\n")

    assert ["is not a folder"] == [fault.reason.split(" ", 1)[1] for fault in unwritable(load_config(path, {}))]

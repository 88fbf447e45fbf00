"""What the JSON codec makes of good, odd and hostile messages."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.codec import Decoded, Record
from connectors.codecs.json import JsonCodec
from connectors.mapping import Limits, MetricMapping, RecordMapping, TimeField
from connectors.records.encode import Encoder

T = 1_760_000_000_000
SINGLE = RecordMapping()
BATCH = RecordMapping(layout="batch", samples=("points",))
COLUMNAR = RecordMapping(layout="columnar", samples=("points",))
GOOD = {"ts": T, "device": "tv", "region": "eu", "activity": "play", "value": 1.5}
KEY = ("value", "tv", "eu", "play")


def decode(message: bytes | str | object | None, mapping: RecordMapping = SINGLE) -> Decoded:
    """One record at offset 7; anything but bytes and None is dumped as JSON."""
    if message is not None and not isinstance(message, bytes):
        message = message.encode() if isinstance(message, str) else json.dumps(message).encode()
    return JsonCodec(mapping).decode([Record(7, T + 5, None, message)])


def reason(message: bytes | str | object, mapping: RecordMapping = SINGLE) -> str:
    """The one reason for which a message is refused whole."""
    decoded = decode(message, mapping)
    assert [] == decoded.keys
    assert [7] == [refused.offset for refused in decoded.rejected]
    return decoded.rejected[0].reason


def samples(decoded: Decoded) -> list[tuple[tuple[str, ...], int, float]]:
    return list(zip(decoded.keys, decoded.time_ms.tolist(), decoded.value.tolist(), strict=True))


def with_(**members: object) -> dict[str, object]:
    return {**GOOD, **members}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (SINGLE, GOOD),
        (BATCH, {"points": [GOOD]}),
        (replace(BATCH, samples=()), [GOOD]),
        (COLUMNAR, {"points": {name: [value] for name, value in GOOD.items()}}),
        (COLUMNAR, {"points": {**GOOD, "ts": [T], "value": [1.5]}}),
    ],
)
def test_each_layout_gives_the_sample_with_its_record_time(mapping: RecordMapping, message: object) -> None:
    """One sample, its labels in the order of the columns, event time and record time apart."""
    decoded = decode(message, mapping)

    assert [(KEY, T, 1.5)] == samples(decoded)
    assert [T + 5] == decoded.record_ms.tolist()
    assert (0, []) == (decoded.gaps, decoded.rejected)


def test_equal_labels_are_one_object() -> None:
    """Keys of later samples are the very same tuple, so that a look-up compares pointers."""
    codec = JsonCodec(SINGLE)
    record = Record(0, T, None, json.dumps(GOOD).encode())

    first, second = codec.decode([record, record]).keys

    assert first is second
    assert first is codec.decode([record]).keys[0]


def test_a_tombstone_is_a_gap() -> None:
    """B01: a null value is no error."""
    decoded = decode(None)

    assert (1, [], []) == (decoded.gaps, decoded.keys, decoded.rejected)


@pytest.mark.parametrize(
    "message",
    [b"", b"x", b"\x00", b"\xff\xfe{\x00}\x00", json.dumps(GOOD).encode("utf-16"), b'{"ts":1} {"ts":2}',
     json.dumps(GOOD).encode() + b"]", b'{"device":"caf\xe9"}', b'{"a":\x00}', b'{"ts":' + b"1" * 10],
)  # fmt: skip
def test_bytes_that_are_no_json_are_undecodable(message: bytes) -> None:
    """B02, B03, B05: nothing of them is used."""
    assert "undecodable" == reason(message)


def test_random_bytes_never_raise() -> None:
    """B02: whatever stands in a record, decoding ends with exactly one fate for it."""
    luck = random.Random(5)
    good = json.dumps(GOOD).encode()
    codec = JsonCodec(SINGLE)
    for _ in range(20_000):
        message = bytearray(good if luck.random() < 0.7 else luck.randbytes(luck.randrange(60)))
        for _ in range(luck.randrange(4)):
            if message:
                message[luck.randrange(len(message))] = luck.randrange(256)
        decoded = codec.decode([Record(1, T, None, bytes(message))])
        assert 1 == len(decoded.keys) + len(decoded.rejected) + decoded.gaps, bytes(message)


def test_a_byte_order_mark_is_stripped() -> None:
    """B03."""
    assert [(KEY, T, 1.5)] == samples(decode(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()))


@pytest.mark.parametrize("message", ["null", "[]", '"x"', "42", "true", '{"other": 1}'])
@pytest.mark.parametrize("mapping", [BATCH, COLUMNAR])
def test_json_of_another_shape_is_a_bad_shape(message: str, mapping: RecordMapping) -> None:
    """B04."""
    assert "bad_shape" == reason(message, mapping)


@pytest.mark.parametrize("message", ["null", "[]", '"x"', "42"])
def test_a_single_message_that_is_no_object_is_a_bad_shape(message: str) -> None:
    """B04."""
    assert "bad_shape" == reason(message)


@pytest.mark.parametrize("levels", [17, 900, 10_000, 150_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_nesting_is_a_bad_shape(levels: int, brackets: str) -> None:
    """B04: neither parser's recursion is reached."""
    opening = '{"a":' if brackets == "{}" else "["
    deep = opening * levels + "1" + brackets[1] * levels

    assert "bad_shape" == reason(f'{{"ts":{T},"device":{deep}}}')


def test_the_last_of_duplicate_keys_wins() -> None:
    """B06: also where the careful reader is at work."""
    good = json.dumps(GOOD)

    assert 2.0 == decode(good[:-1] + ',"value":2}').value[0]
    assert 2.0 == decode(good[:-1].replace("1.5", '"x"') + ',"value":2}').value[0]


@pytest.mark.parametrize("digits", ["1" * 30, "-" + "9" * 21, "1" * 5000])
def test_whole_numbers_beyond_64_bits_are_bad_values(digits: str) -> None:
    """B07: in every parser."""
    assert "bad_value" == reason(json.dumps(GOOD).replace("1.5", digits))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9007199254740993", 9007199254740992.0), ("1.8e307", 1.8e307), ("-1e300", -1e300), ("5e-324", 5e-324),
     ("-0.0", -0.0), ("12345678901234567890", 12345678901234567000.0), ("1e3", 1000.0)],
)  # fmt: skip
def test_large_and_small_numbers_are_read_as_float64(text: str, expected: float) -> None:
    """B34, B42: finite numbers are kept, whole ones beyond 2^53 rounded to the nearest."""
    decoded = decode(json.dumps(GOOD).replace("1.5", text))

    assert [expected] == decoded.value.tolist()
    assert math.copysign(1, expected) == math.copysign(1, decoded.value[0])


@pytest.mark.parametrize("token", ["NaN", '"NaN"', '"nan"', "null"])
def test_not_a_number_is_a_gap_of_its_series(token: str) -> None:
    """B33: a sample with the value NaN, which the state never sees."""
    decoded = decode(json.dumps(GOOD).replace("1.5", token))

    assert [KEY] == decoded.keys
    assert math.isnan(decoded.value[0])


@pytest.mark.parametrize(
    "token",
    ["Infinity", "-Infinity", "1e999", "-1e999", "1.8e308", "true", '"1.5"', '"1,5"', '"12ms"', "[1]", "{}", '""'],
)
def test_what_is_no_finite_number_is_a_bad_value(token: str) -> None:
    """B33, B34, B36: a bool is no number, and text is one only where the mapping says so."""
    assert "bad_value" == reason(json.dumps(GOOD).replace("1.5", token))


@pytest.mark.parametrize(
    ("token", "fate"), [('"1.5"', 1.5), ('"1,5"', None), ('"12ms"', None), ('"+Inf"', None), ("2", 2)]
)
def test_text_is_a_number_where_the_mapping_says_so(token: str, fate: float | None) -> None:
    """B36, as the Prometheus adapter writes it."""
    mapping = RecordMapping(metrics=(MetricMapping(text_numbers=True),))

    decoded = decode(json.dumps(GOOD).replace("1.5", token), mapping)

    assert ([] if fate is None else [fate]) == decoded.value.tolist()
    assert ([] if fate is not None else ["bad_value"]) == [refused.reason for refused in decoded.rejected]


def test_a_declared_minimum_refuses_what_is_below() -> None:
    """B35: the minimum itself is good, also beside a metric that has none."""
    mapping = RecordMapping(metrics=(MetricMapping(minimum=0.0),))

    assert [0.0] == decode(with_(value=0), mapping).value.tolist()
    assert "bad_value" == reason(with_(value=-1e-9), mapping)


@pytest.mark.parametrize(
    ("unit", "stamp", "expected"),
    [("ms", T, T), ("s", T // 1000, T), ("us", T * 1000 + 999, T), ("ns", T * 1_000_000 + 1, T), ("s", T / 1000, T),
     ("ms", float(T), T), ("rfc3339", "2025-10-09T08:53:20Z", T), ("rfc3339", "2025-10-09T10:53:20.000+02:00", T),
     ("rfc3339", "2025-10-09 08:53:20Z", T), ("rfc3339", "2016-12-31T23:59:60Z", 1_483_228_799_999)],
)  # fmt: skip
def test_times_are_read_in_the_declared_unit(unit: Any, stamp: object, expected: int) -> None:
    """B20, B21, B22: a leap second is the last millisecond before it."""
    assert [expected] == decode(with_(ts=stamp), replace(SINGLE, timestamp=TimeField(unit=unit))).time_ms.tolist()


@pytest.mark.parametrize(
    ("unit", "stamp", "part"),
    [("ms", T * 1_000_000, "looks like nanoseconds"), ("ms", T // 1000, "looks like seconds"),
     ("s", T, "looks like milliseconds"), ("ms", 0, "2000 to 2100"), ("ms", -T, "2000 to 2100"),
     ("ms", True, "got true"), ("ms", str(T), "expected a number of milliseconds"), ("ms", None, "got null"),
     ("ms", 10**40, "got 10000"), ("rfc3339", "2025-10-09T08:53:20", "a zone"), ("rfc3339", T, "a time such as"),
     ("rfc3339", "2026-02-30T00:00:00Z", "that exists"), ("rfc3339", "2026-02-03T24:00:00Z", "that exists"),
     ("rfc3339", "1970-01-01T00:00:00Z", "2000 to 2100"), ("rfc3339", "", "a time such as"),
     ("rfc3339", "2026-02-03T00:00:00+99:99", "that exists")],
)  # fmt: skip
def test_what_is_no_time_is_a_bad_time(unit: Any, stamp: object, part: str) -> None:
    """B20, B21, B22: the message says what was expected, and which unit it looks like."""
    decoded = decode(with_(ts=stamp), replace(SINGLE, timestamp=TimeField(unit=unit)))

    assert ["bad_time"] == [refused.reason for refused in decoded.rejected]
    assert part in decoded.rejected[0].detail


@pytest.mark.parametrize("token", ["NaN", "Infinity", "1e999"])
def test_a_time_that_is_no_number_is_a_bad_time(token: str) -> None:
    """B22 meets B33."""
    assert "bad_time" == reason(json.dumps(GOOD).replace(str(T), token))


def test_text_without_a_zone_is_utc_where_that_is_assumed() -> None:
    """B21."""
    mapping = replace(SINGLE, timestamp=TimeField(unit="rfc3339", assume_utc=True))

    assert [T] == decode(with_(ts="2025-10-09T08:53:20"), mapping).time_ms.tolist()
    assert [T] == decode(with_(ts="2025-10-09T10:53:20+02:00"), mapping).time_ms.tolist()


@pytest.mark.parametrize(
    "label",
    [None, "", 5, True, ["eu"], {"a": 1}, "a\nb", "a\x00b", "\x7f", "\x85", "x" * 257, "é" * 129, "*"],
)
def test_what_is_no_label_is_a_bad_label(label: object) -> None:
    """B46, B47: empty is missing; limits are in bytes; `*` stands for all values and cannot be one."""
    assert "bad_label" == reason(with_(region=label))


def test_a_missing_label_is_a_bad_label() -> None:
    """B46: the place is named."""
    decoded = decode({name: value for name, value in GOOD.items() if name != "region"})

    assert [("bad_label", "region: expected a label, got none")] == [(r.reason, r.detail) for r in decoded.rejected]


def test_a_lone_surrogate_is_a_bad_label() -> None:
    """B08: one parser accepts it, the other does not; the fate is one."""
    assert "bad_label" == reason(json.dumps(GOOD).replace('"eu"', '"\\ud800"'))


@pytest.mark.parametrize(
    "label", ["<script>", "'; DROP TABLE x", "../../etc", "a,b|c=\"d'", "\u202eabc", "😀", "a\u200bb"]
)
def test_odd_text_is_text(label: str) -> None:
    """B47, B48, B49: nothing is interpreted here; pages escape."""
    assert [("value", "tv", label, "play")] == decode(with_(region=label)).keys


def test_labels_are_normalised_once() -> None:
    """B47: NFC and NFD are one series."""
    assert decode(with_(region="Zürich")).keys == decode(with_(region="Zu\u0308rich")).keys


def test_extra_members_are_dropped() -> None:
    """B46: a thousand of them, of any kind."""
    assert [(KEY, T, 1.5)] == samples(decode({**{f"x{n}": [{"y": n}] for n in range(1000)}, **GOOD}))


def test_a_message_over_the_limit_is_too_large() -> None:
    """B09: not even parsed."""
    assert "too_large" == reason(b" " * 1024 * 1024 + json.dumps(GOOD).encode())


@pytest.mark.parametrize("mapping", [BATCH, COLUMNAR])
@pytest.mark.parametrize("value", ["1", "NaN"])
def test_too_many_samples_are_refused_whole(mapping: RecordMapping, value: str) -> None:
    """B10: nothing is half-applied, and the count is told."""
    count = 10_001
    limits = Limits(max_message_bytes=10**8)
    if mapping.layout == "batch":
        message = '{"points":[' + ",".join([json.dumps(GOOD).replace("1.5", value)] * count) + "]}"
    else:
        body = {**GOOD, "ts": [T] * count, "value": [1.5] * count}
        message = json.dumps({"points": body}).replace("1.5", value)

    decoded = decode(message, replace(mapping, limits=limits))

    assert ([], [("too_large", count)]) == (decoded.keys, [(r.reason, r.samples) for r in decoded.rejected])


def test_a_fault_in_a_batch_refuses_its_sample_only() -> None:
    """Others of the message are kept; equal reasons are counted together."""
    points = [GOOD, with_(value="x"), with_(region=""), with_(value=True), with_(ts=1), 5, with_(device="ios")]

    decoded = decode({"points": points}, BATCH)

    assert [KEY, ("value", "ios", "eu", "play")] == decoded.keys
    expected = {("bad_value", 2), ("bad_label", 1), ("bad_time", 1), ("bad_shape", 1)}
    assert expected == {(refused.reason, refused.samples) for refused in decoded.rejected}


def test_columns_of_different_length_are_a_bad_shape() -> None:
    """The message is refused whole: it cannot be known which belongs to which."""
    body = {**GOOD, "ts": [T, T + 1], "value": [1.0]}

    decoded = decode({"points": body}, COLUMNAR)

    assert [("bad_shape", "points: expected equally long lists, got ts 2, value 1")] == [
        (refused.reason, refused.detail) for refused in decoded.rejected
    ]


def test_a_fault_in_columns_refuses_its_sample_only() -> None:
    """Also where all others share a scalar label."""
    body = {**GOOD, "ts": [T, T + 1, T + 2], "value": [1, None, "x"], "region": ["a", "b", "c"]}

    decoded = decode({"points": body}, COLUMNAR)

    assert [("value", "tv", "a", "play"), ("value", "tv", "b", "play")] == decoded.keys
    assert math.isnan(decoded.value[1])
    assert ["bad_value"] == [refused.reason for refused in decoded.rejected]


@pytest.mark.parametrize(("mapping", "points"), [(BATCH, []), (COLUMNAR, {name: [] for name in GOOD})])
def test_a_message_without_samples_is_a_gap(mapping: RecordMapping, points: object) -> None:
    """An empty list is nobody's mistake."""
    decoded = decode({"points": points}, mapping)

    assert (1, [], []) == (decoded.gaps, decoded.keys, decoded.rejected)


WIDE = RecordMapping(
    metrics=(
        MetricMapping("requests", value=("n", "requests"), dimensions=("region",)),
        MetricMapping("errors", value=("n", "errors"), where=((("kind",), "web"),)),
    ),
    columns=(("device", ("dims", "device")), ("region", ("dims", "region"))),
)


def test_one_message_feeds_every_metric_that_it_has() -> None:
    """Each with its own dimensions; a metric without a value here gets none."""
    dims = {"device": "tv", "region": "eu"}
    both = {"ts": T, "dims": dims, "kind": "web", "n": {"requests": 5, "errors": 2}}
    one = {"ts": T, "dims": {"region": "eu"}, "n": {"requests": 6, "errors": 3}}

    assert [(("requests", "", "eu"), T, 5.0), (("errors", "tv", "eu"), T, 2.0)] == samples(decode(both, WIDE))
    assert [(("requests", "", "eu"), T, 6.0)] == samples(decode(one, WIDE))
    assert [(("errors", "tv", "eu"), T, 2.0)] == samples(decode({**both, "n": {"errors": 2}}, WIDE))
    assert "bad_shape" == reason({**both, "n": {}}, WIDE)


def test_one_bad_value_of_several_refuses_only_itself() -> None:
    """The other metric of the message is kept."""
    message = {"ts": T, "dims": {"device": "tv", "region": "eu"}, "kind": "web", "n": {"requests": "x", "errors": 2}}

    decoded = decode(message, WIDE)

    assert [("errors", "tv", "eu")] == decoded.keys
    assert ["bad_value"] == [refused.reason for refused in decoded.rejected]


def test_a_message_that_no_metric_is_meant_by_is_a_gap() -> None:
    """A topic may hold more than was asked for."""
    mapping = RecordMapping(metrics=(MetricMapping("requests", where=((("metric",), "requests"),)),))

    decoded = decode(with_(metric="latency", value="fast"), mapping)

    assert (1, [], []) == (decoded.gaps, decoded.keys, decoded.rejected)


@pytest.mark.parametrize(
    ("constant", "value", "is_meant"), [(1, 1, True), (1, True, False), (True, 1, False), ("1", 1, False)]
)
def test_constants_match_by_type(constant: Any, value: object, is_meant: bool) -> None:
    """`where` never takes true for 1."""
    mapping = RecordMapping(metrics=(MetricMapping(where=((("on",), constant),)),))

    assert is_meant == bool(decode(with_(on=value), mapping).keys)


def test_the_name_of_the_metric_may_stand_in_the_record() -> None:
    """`name_path` instead of a fixed name."""
    mapping = RecordMapping(metrics=(MetricMapping(name_path=("metric",)),))

    assert [("latency", "tv", "eu", "play")] == decode(with_(metric="latency"), mapping).keys
    assert "bad_label" == reason(GOOD, mapping)


def test_paths_reach_the_message_and_positions_in_lists() -> None:
    """`$` starts at the message of a batch; digits are positions, as collectd writes them."""
    mapping = RecordMapping(
        layout="batch",
        samples=("points",),
        timestamp=TimeField(("0",)),
        metrics=(MetricMapping(value=("1",)),),
        columns=(("region", ("$", "region")),),
    )

    decoded = decode({"region": "eu", "points": [[T, 4], [T + 1, 5]]}, mapping)

    assert [(("value", "eu"), T, 4.0), (("value", "eu"), T + 1, 5.0)] == samples(decoded)


def test_no_dimensions_is_a_single_series() -> None:
    """`dimensions: {}`, in every layout."""
    for layout, message in [
        ("single", {"ts": T, "value": 1}),
        ("batch", {"p": [{"ts": T, "value": 1}]}),
        ("columnar", {"p": {"ts": [T], "value": [1]}}),
    ]:
        mapping = RecordMapping(layout=layout, samples=() if layout == "single" else ("p",), columns=())  # type: ignore[arg-type]
        assert [(("value",), T, 1.0)] == samples(decode(message, mapping))


MESSAGES = st.fixed_dictionaries(
    {"ts": st.sampled_from([T, T + 1, 1, float(T), "x", None]), "device": st.sampled_from(["a", "b", "", 1]),
     "region": st.sampled_from(["r", "R"]), "value": st.sampled_from([1, 2.5, None, True, "x", 1e300, -0.0])},
    optional={"activity": st.sampled_from(["p", "q", None]), "more": st.just([1, {"a": 2}])},
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, max_size=6))
def test_the_fast_reader_agrees_with_the_careful_one(messages: list[dict[str, object]]) -> None:
    """Every layout, any mixture of good and bad: equal samples and refusals, record by record."""
    single = [Record(n, T, None, json.dumps(message).encode()) for n, message in enumerate(messages)]
    batch = [Record(0, T, None, json.dumps({"points": messages}).encode())]
    for mapping, records in [(SINGLE, single), (BATCH, batch)]:
        codec, slow = JsonCodec(mapping), JsonCodec(mapping)
        slow._fast = None
        found, expected = codec.decode(records), slow.decode(records)
        assert repr(samples(expected)) == repr(samples(found))
        assert (expected.rejected, expected.gaps) == (found.rejected, found.gaps)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_fate_of_a_record_does_not_depend_on_its_neighbours(data: st.DataObject) -> None:
    """B45 at the codec: any split into calls gives the same samples."""
    messages = data.draw(st.lists(MESSAGES, min_size=1, max_size=8))
    records = [Record(n, T, None, json.dumps(message).encode()) for n, message in enumerate(messages)]
    cut = data.draw(st.integers(0, len(records)))
    codec = JsonCodec(SINGLE)

    whole = codec.decode(records)
    parts = [codec.decode(records[:cut]), codec.decode(records[cut:])]

    assert repr(samples(whole)) == repr([sample for part in parts for sample in samples(part)])
    assert whole.rejected == [refused for part in parts for refused in part.rejected]


def test_a_flood_of_labels_does_not_crowd_out_those_that_stay() -> None:
    """B50: memory of the keys is bounded, and a series that is still there keeps its one key."""
    from connectors.records.routing import Router

    router = Router(SINGLE, cached=100)
    kept = router.route(("tv", "eu", "play"))[0].key
    for number in range(1000):
        router.route((f"bomb{number}", "eu", "play"))
        assert kept is router.route(("tv", "eu", "play"))[0].key
        assert len(router.young) <= 100


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "rfc3339"])
@pytest.mark.parametrize("layout", ["single", "batch", "columnar"])
def test_what_is_encoded_is_decoded(layout: Any, unit: Any) -> None:
    """The encoder is the way back: labels, times, numbers and gaps survive."""
    mapping = RecordMapping(
        layout=layout,
        samples=() if layout == "single" else ("data", "points"),
        timestamp=TimeField(("meta", "at"), unit),
        metrics=(MetricMapping("a", where=((("m", "name"), "alpha"),), value=("v",)), MetricMapping("b", value=("w",))),
        columns=(("region", ("dims", "region")),),
    )
    keys, times, values = [("a", "eu"), ("a", "us")], [T, T + 1000], [3.0, 2.5]
    encoder = Encoder(mapping, ("metric", "region"))
    chunks = [slice(0, 1), slice(1, 2)] if layout == "single" else [slice(0, 2)]
    records = [Record(0, T, None, encoder.encode(keys[c], times[c], values[c])) for c in chunks]

    assert list(zip(keys, times, values, strict=True)) == samples(JsonCodec(mapping).decode(records))

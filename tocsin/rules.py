"""The Prometheus rules that ship with Tocsin, for whatever dimensions are configured."""

from __future__ import annotations

from collections.abc import Sequence

from detector.schema import Schema
from tocsin.exposition import label_name

RUNBOOKS = "https://example.org/runbooks"
USUAL = ("device", "region", "activity")
ALERTS = (
    "TocsinAnomaly", "TocsinDown", "TocsinSeriesDown", "TocsinConsumerLagHigh", "TocsinNoData",
    "TocsinConfigReloadFailed", "TocsinSuppressionRateHigh", "TocsinAlarmDeliveryFailing", "TocsinDeadLettering",
    "TocsinWatchdog",
)  # fmt: skip

HEAD = """\
# Rules of Tocsin for Prometheus, made by `tocsin rules print`. They expect two scrape jobs, see prometheus.yml:
# `tocsin` reads /metrics, `tocsin-series` reads /metrics/series.
groups:
- name: tocsin-recording
  interval: 30s
  rules:
  - record: job:tocsin_samples:rate5m
    expr: sum without (instance, topic, partition, result, reason) (rate(tocsin_samples_total[5m]))
  - record: job:tocsin_held_per_candidates:ratio_rate1h
    expr: >-
      sum without (instance, reason) (rate(tocsin_alarm_candidates_held_total[1h]))
      / sum without (instance) (rate(tocsin_alarm_candidates_total[1h]))
- name: tocsin-anomalies
  rules:
  # no `for`: Tocsin has already waited for two ticks of three; keep_firing_for bridges a restart
  - alert: TocsinAnomaly
    expr: max by (job, metric, {labels}direction, severity) (tocsin_alarm_active) == 1
    keep_firing_for: 3m
    labels: {{source: tocsin}}
    annotations:
      summary: '{summary}'
      description: 'Tocsin fired an alarm that no calendar event and no witness explains.'
      runbook_url: {runbooks}/TocsinAnomaly
"""

META = """\
- name: tocsin-meta
  rules:
  - alert: TocsinDown
    expr: absent(up{job="tocsin"} == 1)
    for: 5m
    labels: {severity: critical}
    annotations: {summary: Tocsin is not being scraped, runbook_url: RUNBOOKS/TocsinDown}
  - alert: TocsinSeriesDown    # alarms come over the second path; it fails alone when its sample limit is passed
    expr: absent(up{job="tocsin-series"} == 1) and on () max(up{job="tocsin"}) == 1
    for: 5m
    labels: {severity: critical}
    annotations: {summary: Tocsin runs but its alarms are not being scraped, runbook_url: RUNBOOKS/TocsinSeriesDown}
  - alert: TocsinConsumerLagHigh
    expr: max without (partition) (tocsin_kafka_consumer_lag_seconds) > 300
    for: 10m
    labels: {severity: warning}
    annotations:
      summary: 'Tocsin is {{ $value | humanizeDuration }} behind on {{ $labels.topic }}'
      runbook_url: RUNBOOKS/TocsinConsumerLagHigh
  - alert: TocsinNoData    # by record time: old samples fed today are data
    expr: time() - max without (instance, partition) (tocsin_last_record_timestamp_seconds) > 600
    for: 5m
    labels: {severity: critical}
    annotations:
      summary: 'No record arrived on {{ $labels.topic }} for {{ $value | humanizeDuration }}'
      runbook_url: RUNBOOKS/TocsinNoData
  - alert: TocsinConfigReloadFailed
    expr: tocsin_config_last_reload_successful == 0
    for: 10m
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.file }} on disk is invalid; the last good one is in force'
      runbook_url: RUNBOOKS/TocsinConfigReloadFailed
  - alert: TocsinSuppressionRateHigh
    expr: job:tocsin_held_per_candidates:ratio_rate1h > 0.9
    for: 2h
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | humanizePercentage }} of candidates are held: is something real hidden?'
      runbook_url: RUNBOOKS/TocsinSuppressionRateHigh
  - alert: TocsinAlarmDeliveryFailing
    expr: rate(tocsin_notifications_failed_total[10m]) > 0
    for: 10m
    labels: {severity: critical}
    annotations:
      summary: 'Alarms cannot be delivered to {{ $labels.sink }}'
      runbook_url: RUNBOOKS/TocsinAlarmDeliveryFailing
  - alert: TocsinDeadLettering
    expr: rate(tocsin_dead_letters_total[15m]) > 0.1
    for: 15m
    labels: {severity: warning}
    annotations:
      summary: 'Undecodable messages from {{ $labels.topic }} ({{ $labels.reason }})'
      runbook_url: RUNBOOKS/TocsinDeadLettering
  - alert: TocsinWatchdog
    expr: vector(1)
    labels: {severity: none}
    annotations:
      summary: Always firing; a dead man's switch for the alert path
      runbook_url: RUNBOOKS/TocsinWatchdog
"""


def rules_text(schema: Schema, runbooks: str = RUNBOOKS) -> str:
    """The rule file as YAML; `runbooks` is where the pages of docs/runbook are published."""
    labels = alarm_label_names(schema)
    head = HEAD.format(labels="".join(f"{name}, " for name in labels), summary=_summary(labels), runbooks=runbooks)
    return head + META.replace("RUNBOOKS", runbooks)


def alarm_label_names(schema: Schema) -> tuple[str, ...]:
    """Labels that tell alarms of one metric apart: each dimension, then its parents."""
    return tuple(
        name
        for dimension in schema.dimensions
        for name in (
            label_name(dimension.name),
            *(label_name(f"{dimension.name}_{parent.name}") for parent in dimension.parents),
        )
    )


def _summary(labels: Sequence[str]) -> str:
    what = "Unexpected {{ $labels.direction }} of {{ $labels.metric }}"
    if tuple(labels) == USUAL:
        return what + " in {{ $labels.activity }} on {{ $labels.device }} / {{ $labels.region }}"
    return what + "".join(f", {name} {{{{ $labels.{name} }}}}" for name in labels)

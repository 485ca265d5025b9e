"""What a registry, or a text of it, says now, and what changed: samples by name and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

Samples: TypeAlias = dict[str, float]

RESTLESS: Final = ("process_", "python_", "otpvoice_event_loop_")
"""What changes by itself."""


def samples_of(families: Iterable[Metric]) -> Samples:
    """Return all samples; no two may have the same name and labels."""
    found: Samples = {}
    for family in families:
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found, f"{name} is there twice"
            found[name] = sample.value
    return found


def told(registry: CollectorRegistry) -> Samples:
    """Return what a registry says."""
    return samples_of(registry.collect())


def parsed(text: bytes, content_type: str) -> list[Metric]:
    """Read an exposition by the library's own parser of its format."""
    parse = parse_openmetrics if content_type.startswith("application/openmetrics-text") else parse_plain
    return list(parse(text.decode()))


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> Samples:
    """Return by how much samples grew, or what they are where there was none; without buckets and the restless."""
    return {
        name: after[name] - before.get(name, 0.0)
        for name in after
        if after[name] != before.get(name) and "_bucket{" not in name and not name.startswith(RESTLESS)
    }

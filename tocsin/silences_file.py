"""Silences files: YAML text to silences in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from suppression.silence import Silence
from tocsin.config.calendar_models import SilenceModel, SilencesFileModel
from tocsin.config.document import parse_document, read_text
from tocsin.config.faults import Fault, FaultsError
from tocsin.config.time_fields import to_ms
from tocsin.config.validate import validate

FROM_EVER_MS = 0


def load_silences(path: Path) -> tuple[Silence, ...]:
    """Silences of a file; a file that is not there holds none."""
    return parse_silences({str(path): read_text(path)}) if path.exists() else ()


def parse_silences(files: Mapping[str, str]) -> tuple[Silence, ...]:
    """Silences of these texts by name, in order; FaultsError has all faults, not the first."""
    faults: list[Fault] = []
    found: dict[str, Silence] = {}
    for name in sorted(files):
        root = parse_document(files[name], name, None, faults)
        _, more = validate(SilencesFileModel, root, without=("silences",))
        faults += more
        listed = root.step("silences")
        if listed is None or listed.value is None:
            continue
        if not isinstance(listed.value, list):
            faults.append(root.fault(("silences",), "expected a list"))
            continue
        for i in range(len(listed.value)):
            model, more = validate(SilenceModel, root, ("silences", i))
            faults += more
            if model is None:
                continue
            silence = _silence(model)
            if silence.id in found:
                faults.append(root.fault(("silences", i), f"the id {silence.id!r} is taken by another silence"))
            found[silence.id] = silence
    if faults:
        raise FaultsError(faults)
    return tuple(found.values())


def _silence(model: SilenceModel) -> Silence:
    since_ms = FROM_EVER_MS if model.since is None else to_ms(model.since, "UTC")
    until_ms = to_ms(model.until, "UTC")
    return Silence(model.id or _identity(model), model.match, since_ms, until_ms, model.by, model.why)


def _identity(model: SilenceModel) -> str:
    """A short name for a silence without one: what it says decides, not where it stands.

    `until` is no part of it, so that a silence that is cut short keeps its name.
    """
    scope = model.match
    said = [sorted(scope.match.items()), sorted(scope.exclude.items()), str(model.since), model.by, model.why]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]

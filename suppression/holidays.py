"""Holidays of a country as whole local days; the table is the `holidays` package, imported on use."""

from __future__ import annotations

import re
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache

from suppression.event import HolidayRule

DECORATION = re.compile(r"\s*\((?:observed|estimated|observed, estimated)\)$", re.IGNORECASE)
FIRST_YEAR, LAST_YEAR = 1950, 2100  # outside, the table has nothing to say


def holiday_days(rule: HolidayRule, first_year: int, last_year: int) -> list[tuple[datetime, str]]:
    """Midnights (naive, local) and names of the holidays of these years, in order of day and name."""
    years = range(max(first_year, FIRST_YEAR), min(last_year, LAST_YEAR) + 1)
    return [entry for year in years for entry in _of_year(rule, year)]


def holiday_class(name: str) -> str:
    """The name without `(observed)`, so that effects are pooled.

    >>> holiday_class("Emancipation Day (observed)")
    'Emancipation Day'
    """
    return DECORATION.sub("", name)


def table_version() -> str:
    """Version of the holiday table that is installed."""
    from importlib.metadata import version

    return version("holidays")


def check_holidays(rule: HolidayRule) -> None:
    """Raises ValueError, saying what is known, if the table has no such country, subdivision or category."""
    import holidays

    countries = holidays.list_supported_countries(include_aliases=True)
    if rule.country not in countries:
        raise ValueError(f"unknown country {rule.country!r}; expected a two-letter code such as DE or US")
    table = holidays.country_holidays(rule.country, years=[])
    subdivisions = {*table.subdivisions, *getattr(table, "subdivisions_aliases", {})}
    if rule.subdivision is not None and rule.subdivision not in subdivisions:
        known = ", ".join(sorted(subdivisions)) or "none"
        raise ValueError(f"unknown subdivision {rule.subdivision!r} of {rule.country}; known are {known}")
    for category in rule.categories:
        if category not in table.supported_categories:
            known = ", ".join(sorted(table.supported_categories))
            raise ValueError(f"unknown category {category!r} of {rule.country}; known are {known}")


@lru_cache(maxsize=4096)
def _of_year(rule: HolidayRule, year: int) -> tuple[tuple[datetime, str], ...]:
    import holidays

    table = holidays.country_holidays(
        rule.country,
        subdiv=rule.subdivision,
        categories=rule.categories,
        years=[year],
        language=_language(rule.country),
    )
    found = {
        (datetime(day.year, day.month, day.day), name)
        for day in table
        for name in table.get_list(day)
        if day.year == year and (not rule.names or any(fnmatchcase(name, pattern) for pattern in rule.names))
    }
    return tuple(sorted(found))


@lru_cache(maxsize=256)
def _language(country: str) -> str | None:
    """English names where the table has them, so that a class reads alike everywhere."""
    import holidays

    languages = holidays.country_holidays(country, years=[]).supported_languages
    return "en_US" if "en_US" in languages else None

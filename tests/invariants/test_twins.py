"""Every formula of detector and ensemble has a naive twin among the tests, and its docstring says where it is from.

A new module of the two packages needs a line in one of the tables: its twin, or why there is nothing to repeat.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.tree import ROOT, imports, modules, name

TWINS: dict[str, tuple[str, ...]] = {
    "detector/absence.py": ("detector/test_absence.py::test_gaps_equal_their_naive_twin",),
    "detector/align.py": ("detector/test_twins_of_rows.py::test_aligned_ticks_and_fates_equal_their_naive_twin",),
    "detector/births.py": (
        "detector/test_births.py::test_givers_equal_their_naive_twin",
        "detector/test_births.py::test_a_settled_value_equals_its_naive_twin",
    ),
    "detector/common_factor.py": (
        "detector/test_correlation.py::test_contrast_and_its_learning_equal_their_naive_twins",
    ),
    "detector/contrast.py": (
        "detector/test_correlation.py::test_contrast_and_its_learning_equal_their_naive_twins",
        "detector/test_witness.py::test_testimony_and_its_learning_equal_their_naive_twins",
    ),
    "detector/forecasters/seasonal.py": (
        "detector/test_seasonal.py::test_expectation_equals_its_naive_twin",
        "detector/test_seasonal.py::test_the_end_of_a_bucket_equals_its_naive_twin",
        "detector/test_seasonal.py::test_a_bucket_of_a_first_week_equals_its_naive_twin",
        "detector/test_twins_of_starts.py::test_the_cold_start_equals_its_naive_twin",
    ),
    "detector/grouping.py": ("detector/test_twins_of_sums.py::test_sums_over_groups_equal_their_naive_twin",),
    "detector/innovations.py": (
        "detector/test_innovations.py::test_the_vectorised_score_is_the_formula",
        "detector/test_twins_of_innovations.py::test_learning_equals_its_naive_twin",
    ),
    "detector/lattice.py": (
        "detector/test_twins_of_rows.py::test_rows_and_their_sums_equal_their_naive_twin",
        "detector/test_twins_of_rows.py::test_what_lies_above_leaves_equals_its_naive_twin",
    ),
    "detector/leaning.py": (
        "detector/test_twins_of_rows.py::test_siblings_witnesses_and_whom_rows_lean_on_equal_their_naive_twins",
    ),
    "detector/link.py": (
        "detector/test_twins_of_lone_series.py::test_the_chosen_link_equals_its_naive_twin",
        "detector/test_twins_of_lone_series.py::test_the_power_that_frees_spread_of_level_equals_its_naive_twin",
        "detector/test_twins_of_lone_series.py::test_link_and_inverse_equal_their_naive_twins",
    ),
    "detector/look.py": ("detector/test_twins_of_innovations.py::test_learning_equals_its_naive_twin",),
    "detector/pairing.py": (
        "detector/test_twins_of_rows.py::test_siblings_witnesses_and_whom_rows_lean_on_equal_their_naive_twins",
    ),
    "detector/row_table.py": ("detector/test_row_table.py::test_a_table_equals_its_naive_twin",),
    "detector/running.py": (
        "detector/test_twins_of_sums.py::test_minmod_equals_its_naive_twin",
        "detector/test_twins_of_sums.py::test_a_young_decayed_mean_is_the_plain_mean_and_an_old_one_forgets",
    ),
    "detector/runs.py": ("detector/test_runs.py::test_runs_equal_their_naive_twins",),
    "detector/scorers/correlation.py": (
        "detector/test_correlation.py::test_contrast_and_its_learning_equal_their_naive_twins",
    ),
    "detector/scorers/derivative.py": ("detector/test_derivative.py::test_score_and_learning_equal_their_naive_twins",),
    "detector/scorers/forecast_residual.py": (
        "detector/test_forecast_residual.py::test_sums_deviance_and_deviation_equal_their_naive_twins",
        "detector/test_forecast_residual.py::test_learnt_variance_equals_its_naive_twin",
    ),
    "detector/scorers/stuck.py": ("detector/test_runs.py::test_runs_equal_their_naive_twins",),
    "detector/scorers/witness.py": (
        "detector/test_witness.py::test_testimony_and_its_learning_equal_their_naive_twins",
    ),
    "detector/scorers/zero_run.py": ("detector/test_runs.py::test_runs_equal_their_naive_twins",),
    "detector/season_start.py": (
        "detector/test_twins_of_lone_series.py::test_the_median_of_cycles_equals_its_naive_twin",
    ),
    "detector/series.py": (
        "detector/test_twins_of_rows.py::test_rows_and_their_sums_equal_their_naive_twin",
        "detector/test_twins_of_rows.py::test_siblings_witnesses_and_whom_rows_lean_on_equal_their_naive_twins",
    ),
    "detector/timing.py": (
        "detector/test_twins_of_rows.py::test_durations_equal_their_naive_twins",
        "detector/test_seasonal.py::test_the_phase_is_the_naive_one_at_any_interval",
    ),
    "detector/view.py": ("detector/test_twins_of_rows.py::test_what_is_computed_once_a_tick_equals_its_formula",),
    "detector/warmstart.py": ("detector/test_twins_of_starts.py::test_the_warm_start_equals_its_naive_twin",),
    "detector/watermark.py": (
        "detector/test_twins_of_rows.py::test_the_clock_of_a_partition_equals_its_naive_twin",
    ),
    "ensemble/budget.py": (
        "ensemble/test_budget.py::test_openings_equal_their_naive_twin",
        "ensemble/test_budget.py::test_the_fitted_threshold_equals_its_naive_twin",
        "ensemble/test_budget.py::test_pages_an_opening_equal_their_naive_twin",
    ),
    "ensemble/calibrate.py": (
        "ensemble/test_calibrate.py::test_surprise_equals_its_naive_twin",
        "ensemble/test_calibrate.py::test_the_worst_hours_of_a_row_equal_their_naive_twin",
        "ensemble/test_twins_of_ranks.py::test_the_fit_equals_its_naive_twin",
        "ensemble/test_twins_of_ranks.py::test_a_fused_score_is_ranked_in_its_class_if_that_saw_enough",
    ),
    "ensemble/combiners/contrast_led.py": (
        "ensemble/test_contrast_led.py::test_the_fused_score_equals_its_naive_twin",
        "ensemble/test_contrast_led.py::test_the_onset_memory_equals_its_naive_twin",
    ),
    "ensemble/consistency.py": (
        "ensemble/test_consistency.py::test_utility_equals_its_naive_twin",
        "ensemble/test_consistency.py::test_opis_and_its_edges_equal_their_naive_twins",
        "ensemble/test_consistency.py::test_spread_equals_its_naive_twin",
    ),
    "ensemble/entity.py": (
        "ensemble/test_entity.py::test_the_vectorised_mean_is_the_formula",
        "ensemble/test_twins_of_lone_series.py::test_the_shares_of_an_entity_equal_their_naive_twin",
    ),
    "ensemble/episode.py": (
        "ensemble/test_episode.py::test_episodes_equal_their_naive_twin",
        "ensemble/test_twins_of_ranks.py::test_what_has_come_back_equals_its_naive_twin",
    ),
    "ensemble/gap_law.py": (
        "ensemble/test_gap_law.py::test_rates_equal_their_naive_twin",
        "ensemble/test_gap_law.py::test_what_is_known_equals_its_naive_figure",
    ),
    "ensemble/known_range.py": (
        "ensemble/test_twins_of_lone_series.py::test_the_known_range_equals_its_naive_twin",
    ),
    "ensemble/opening_law.py": (
        "ensemble/test_twins_of_lone_series.py::test_the_law_of_openings_equals_its_naive_twin",
        "ensemble/test_twins_of_lone_series.py::test_the_surprise_of_an_opening_equals_its_formula",
    ),
    "ensemble/rank.py": (
        "ensemble/test_twins_of_ranks.py::test_the_rank_of_a_fused_score_equals_its_naive_twin",
        "ensemble/test_twins_of_ranks.py::test_the_size_of_a_share_is_found_again_by_its_surprise",
    ),
    "ensemble/recent_peak.py": (
        "ensemble/test_twins_of_lone_series.py::test_the_memory_of_recent_peaks_equals_its_naive_twin",
    ),
    "ensemble/tails.py": (
        "ensemble/test_calibrate.py::test_the_bin_of_a_size_is_the_naive_one",
        "ensemble/test_calibrate.py::test_tail_quantiles_and_fit_equal_their_naive_twins",
    ),
    "ensemble/votes.py": ("ensemble/test_votes.py::test_votes_equal_their_naive_twin",),
    "ensemble/worst_hours.py": (
        "ensemble/test_twins_of_lone_series.py::test_the_unit_of_worst_hours_equals_its_naive_twin",
    ),
}  # fmt: skip

EXCUSES = {
    "detector/__init__.py": "no code",
    "detector/errors.py": "exceptions and exit codes",
    "detector/forecaster.py": "a protocol",
    "detector/forecasters/__init__.py": "a table of kinds",
    "detector/frame.py": "samples and ticks, values without formulas",
    "detector/schema.py": "what the operator declares; which parent a value has is told anew by the twin of rows",
    "detector/scorer.py": "a protocol",
    "detector/scorers/__init__.py": "a table of kinds",
    "detector/state.py": "how arrays grow, fork and are saved; equal bits are tests of the whole step",
    "ensemble/__init__.py": "no code",
    "ensemble/combiner.py": "a protocol",
    "ensemble/combiners/__init__.py": "a table of kinds",
}

SOURCE = re.compile(  # "Gelper, Fried & Croux 2010", "Own: …"
    r"\b[A-Z][\w-]+( et al\.|(, [A-Z][\w-]+)*,? (&|and) [A-Z][\w-]+)?,? (18|19|20)\d\d\b"
    r"|\b[Oo]wn: \w"
)


def _formulas() -> list[str]:
    return [name(path) for path in modules() if path.relative_to(ROOT).parts[0] in ("detector", "ensemble")]


def test_every_module_has_its_twin_or_an_excuse() -> None:
    """What is new, and what is gone, is told by its path."""
    assert sorted(_formulas()) == sorted([*TWINS, *EXCUSES]), "a line in TWINS or EXCUSES is missing, or too many"


@pytest.mark.parametrize("module", sorted(TWINS))
def test_a_twin_is_a_test_that_reads_its_module_and_a_naive_version(module: str) -> None:
    """The test is there, its file imports the module or what is built on it, and it compares with something naive."""
    for twin in TWINS[module]:
        file, _, test = twin.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == test]
        assert found, f"{twin} is not there"
        assert _reaches(ROOT / "tests" / file, module), f"{file} imports neither {module} nor what imports it"
        assert _is_naive(found[0]), f"{twin} compares with nothing naive"


def _reaches(file: Path, module: str) -> bool:
    """Directly, or through one module of the two packages: the sums of a scorer are tested through the scorer."""
    wanted = module.removesuffix(".py").replace("/", ".")
    direct = imports(file)
    between = [ROOT / f"{m.replace('.', '/')}.py" for m in direct if m.startswith(("detector.", "ensemble."))]
    return wanted in direct or any(wanted in imports(path) for path in between if path.is_file())


def _is_naive(test: ast.FunctionDef) -> bool:
    """Names something naive, in its body or among its parameters."""
    return any("naive" in node.id for node in ast.walk(test) if isinstance(node, ast.Name))


@pytest.mark.parametrize("module", sorted(TWINS))
def test_a_formula_names_its_source(module: str) -> None:
    """Author and year, or "Own:" and why nothing published was taken."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, holders)]

    assert any(SOURCE.search(" ".join(text.split())) for text in texts), f"{module}: no author and year, no 'Own:'"


def test_a_source_is_recognised() -> None:
    """As they are written in this house; a year without a name is none."""
    good = ("(Huber 1964)", "Gelper, Fried & Croux 2010", "Akidau et al. 2015", "Own: for speed", "Schmitt 1938)")
    bad = ("dated 2099", "since 2011", "our own data", "Own", "HALF_LIFE = 2000")

    assert all(SOURCE.search(text) for text in good)
    assert not any(SOURCE.search(text) for text in bad)

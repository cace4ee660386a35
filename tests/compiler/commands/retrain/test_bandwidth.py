"""What a forecaster is trained again on and judged by: fresh links or fresh times, and no labels."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.cli.train_bandwidth import bandwidth as train_command
from dwcpc.compiler.commands.retrain import bandwidth
from dwcpc.compiler.commands.retrain.bandwidth import Bandwidth, BandwidthSettings
from dwcpc.compiler.commands.retrain.data import DataOrder, gather
from dwcpc.compiler.commands.retrain.model import Job, Looked, changed
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.metadata import Training
from dwcpc.models.bandwidth_predictor import OUTPUT_CHANNELS
from dwcpc.models.data.bandwidth.simulate import MEASURED, TRUE, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.table import Table, taken
from dwcpc.models.data.table_csv import write_csv
from dwcpc.models.training.link_folds import LinkSizes

BUNDLES = Path(__file__).resolve().parents[3] / "fixtures" / "bundles"
LINKS, STEPS = 3, 300
SMALL = ("links=4", "steps=260", "fresh_links=5")


@pytest.fixture(scope="module")
def table() -> Table:
    return simulate_bandwidth(BandwidthSimulation(1, LINKS, STEPS))


@pytest.fixture
def collected(table: Table, tmp_path: Path) -> Path:
    write_csv(tmp_path / "data.csv", table)
    return tmp_path / "data.csv"


def job(data: Path | None, served: Bundle | None = None, *settings: str) -> Job:
    return Job(data, Path("absent"), 43, served, settings)


def served_until(monkeypatch: pytest.MonkeyPatch, until: float) -> Bundle:
    """Return a bundle that says it was trained up to then, and is taken for a forecaster of the shipped features."""
    bundle = open_bundle(BUNDLES / "proven")
    source = dataclasses.replace(bundle.metadata.source, training=Training("file", 10, until, 5, "data.csv"))
    monkeypatch.setattr(bandwidth, "_check_served", lambda _: None)
    monkeypatch.setattr(bandwidth, "bundle_spec", lambda _: None)
    monkeypatch.setattr(bandwidth, "bundle_timesteps", lambda _: 20)
    return dataclasses.replace(bundle, metadata=dataclasses.replace(bundle.metadata, source=source))


def judged(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, float]]:
    """Return the windows that are judged on, and the figures of a bundle that answers as persistence does."""
    seen: list[Any] = []

    def persistence(*given: Any) -> Any:
        seen.append(given[-1])
        return given[-1].last

    monkeypatch.setattr(bandwidth, "bundle_forecast", persistence)
    figures = looked.fresh.figures(open_bundle(BUNDLES / "proven"))(None)
    return seen[0], dict(figures)


def test_settings_are_the_options_of_train_bandwidth() -> None:
    settings = BandwidthSettings()
    defaults = {option.name: option.default for option in train_command.params}
    own = {"links", "steps", "horizon", "targets", "last", "fresh_links"}
    for each in dataclasses.fields(settings):
        if each.name not in own:
            assert getattr(settings, each.name) == defaults[each.name], each.name
    assert own - set(defaults) == {"fresh_links"}
    assert (settings.links, settings.steps) == (LinkSizes().train_links, LinkSizes().steps)
    assert defaults["timesteps"] == bandwidth.TIMESTEPS
    assert tuple(channel.name for channel in OUTPUT_CHANNELS) == bandwidth.TARGETS


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("layers=3", "expected NAME=VALUE with one of units, epochs"),
        ("links=2", "--set links=2: Expected `int` >= 3"),
        ("steps=10", "Expected `int` >= 200"),
        ("units=huge", "Invalid enum value 'huge'"),
    ],
)
def test_a_bad_setting_is_told(setting: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        Bandwidth().check((setting,))
    assert says in str(error.value)


def test_an_export_holds_the_raw_columns_and_what_is_predicted_and_no_label() -> None:
    spec = shipped_spec("bandwidth_predictor")
    columns = Bandwidth().columns(job(None))
    assert set(columns.measured) == {column.name for column in spec.columns}
    assert "link_type" in columns.texts
    assert (columns.time.called, columns.group.called) == (("timestamp", "time"), ("link_id", "group"))
    assert (columns.label, columns.kind) == (None, None)
    wider = Bandwidth().columns(job(None, None, f"targets={', '.join(TRUE)}", f"last={','.join(MEASURED)}"))
    assert set(wider.numbers) == {*columns.numbers, *TRUE}
    with pytest.raises(InputError, match="--set targets names 2 columns, expected 4: bandwidth, latency"):
        Bandwidth().columns(job(None, None, "targets=a,b"))


@pytest.mark.parametrize(
    ("order", "option"), [({"incidents": Path("log.csv")}, "--incidents"), ({"label": "x"}, "--label")]
)
def test_labels_are_refused_where_nothing_is_learned_from_them(
    order: dict[str, Any], option: str, collected: Path, tmp_path: Path
) -> None:
    for paths in ((), (collected,)):
        with pytest.raises(InputError, match=f"{option} tells when something was wrong, .* omit it"):
            gather(DataOrder(paths, **order), Bandwidth().columns(job(None)), tmp_path / "out", print)


def test_exports_become_a_table_without_labels(table: Table, tmp_path: Path) -> None:
    for link in np.unique(table["link_id"]):
        own = {name: values for name, values in taken(table, table["link_id"] == link).items() if name not in TRUE}
        (tmp_path / "exports" / str(link)).mkdir(parents=True)
        write_csv(tmp_path / "exports" / str(link) / "week.csv", own)
    gathered = gather(DataOrder((tmp_path / "exports",)), Bandwidth().columns(job(None)), tmp_path, lambda _: None)
    assert gathered is not None
    assert (gathered[1].rows, gathered[1].labelled) == (LINKS * STEPS, None)
    assert "labelled" not in str(gathered[1])
    looked = Bandwidth().look(job(gathered[0]))
    assert looked.training.rows == round(0.8 * LINKS * STEPS)


def test_simulated_windows_are_of_links_that_nobody_was_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Bandwidth().look(job(None, None, *SMALL))
    windows, figures = judged(looked, monkeypatch)
    assert len(np.unique(windows.group)) == 5
    assert {str(link).partition("l")[0] for link in windows.group} == {"s200043"}
    assert looked.fresh.note == f"{len(windows):,} windows of 5 links in 40 stretches, other links of seed 43"
    of_each_kind = round(0.8 * 4 * 260), 15 * 260, 3 * 2 * 260  # links, varied ones, those that choose
    assert (looked.training.kind, looked.training.rows) == ("simulated", sum(of_each_kind))
    assert [figures[name] for name in Bandwidth().deciding] == [0.0] * 4
    assert len(np.unique(looked.fresh.block)) == 40  # five links are few, so stretches of each are drawn


def test_where_there_are_links_enough_whole_ones_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Bandwidth().look(job(None, None, *SMALL[:2], "fresh_links=20"))
    windows, _ = judged(looked, monkeypatch)
    assert looked.fresh.block.tolist() == np.unique(windows.group, return_inverse=True)[1].tolist()
    assert looked.fresh.note.startswith(f"{len(windows):,} windows of 20 links, other")
    assert looked.fresh.too_few is None


def test_the_last_part_of_a_table_is_fresh_as_far_as_it_is_later_than_what_trained_the_served_version(
    collected: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Bandwidth().look(job(collected))
    windows, _ = judged(looked, monkeypatch)
    assert looked.training.until is not None
    of_link = {link: table["timestamp"][table["link_id"] == link] for link in np.unique(table["link_id"])}
    for link, time in of_link.items():
        assert windows.time[windows.group == link].min() == time[round(0.8 * STEPS) + 19]
    assert looked.training.until == max(time[round(0.8 * STEPS) - 1] for time in of_link.values())

    border = max(time[round(0.9 * STEPS) - 1] for time in of_link.values())
    later = Bandwidth().look(job(collected, served_until(monkeypatch, border)))
    kept, _ = judged(later, monkeypatch)
    assert kept.time.min() >= border + 20 * 60  # a whole window of minutes, and none of its samples, is later
    assert f"those later than {border:.15g}" in later.fresh.note


@pytest.mark.parametrize(
    ("beyond", "why"), [(0.0, "no sample is fresh"), (600.0, "the longest history without a gap has")]
)
def test_where_nothing_or_less_than_a_window_is_fresh_nothing_is_decided(
    beyond: float, why: str, collected: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = served_until(monkeypatch, float(table["timestamp"].max()) - beyond)
    looked = Bandwidth().look(job(collected, served))
    assert looked.fresh.too_few is not None
    assert why in looked.fresh.too_few


def test_how_far_ahead_is_predicted_stands_in_what_the_bundle_says_of_its_training(collected: Path) -> None:
    assert Bandwidth().look(job(collected)).training.note == "data.csv"
    assert Bandwidth().look(job(collected, None, "horizon=5")).training.note == "data.csv, 5 samples ahead"
    simulated = Bandwidth().look(job(None, None, *SMALL, "horizon=2"))
    assert simulated.training.note == "simulated, difficulty 0.5, 2 samples ahead"


def test_columns_to_predict_need_a_table() -> None:
    with pytest.raises(InputError, match="--set targets and last name columns of a table"):
        Bandwidth().look(job(None, None, f"targets={','.join(MEASURED)}"))


def test_a_served_bundle_of_another_kind_is_refused(collected: Path) -> None:
    with pytest.raises(InputError, match=r"proven: does not predict bandwidth, latency, .* --as"):
        Bandwidth().look(job(collected, open_bundle(BUNDLES / "proven")))


def test_the_features_of_what_is_served_are_those_of_the_candidate(
    collected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec: FeatureSpec = dataclasses.replace(shipped_spec("bandwidth_predictor"), name="own")
    served = served_until(monkeypatch, 0.0)
    monkeypatch.setattr(bandwidth, "bundle_spec", lambda _: spec)
    own = dataclasses.replace(job(collected, served), folder=tmp_path / "run")
    data = bandwidth._data(own)
    assert data.spec == str(tmp_path / "run" / bandwidth.SERVED_SPEC)
    assert bandwidth.task_of(data, 20).spec == spec


def test_a_recipe_has_the_settings_and_the_jobs_seed() -> None:
    recipe = bandwidth._recipe(job(None, None, "units=tiny", "epochs=3", "noise=0.5", "weight_decay=0.01"))
    assert (recipe.units, recipe.noise, recipe.timesteps) == ("tiny", 0.5, 20)
    assert (recipe.fit.epochs, recipe.fit.weight_decay, recipe.fit.seed) == (3, 0.01, 43)
    assert changed(BandwidthSettings(), ("epochs=3",)).patience == recipe.fit.patience

"""Publishing: byte for byte or not at all, once, and `latest` moves up only."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry import publishing
from dwcpc.compiler.registry.publishing import destination_in, is_published, publish, take_snapshot
from dwcpc.compiler.registry.withdrawn import write_withdrawn
from dwcpc.compiler.versions import latest_version

NAME = "tiny_proven"
FEATURES = Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "features"
Made = Callable[..., Path]
Publish = Callable[..., bool]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_published_version_is_the_bundle_byte_for_byte_and_nothing_else_is_left(made: Made, registry: Path) -> None:
    bundle = made("1.0")
    snapshot = take_snapshot(bundle)
    assert publish(snapshot, destination_in(registry, snapshot.bundle), latest=True)
    assert names(registry) == [NAME]
    assert names(registry / NAME) == ["latest", "v1.0"]
    assert files(registry / NAME / "v1.0") == files(bundle)
    assert open_bundle(registry / NAME).path == registry / NAME / "v1.0"


def test_a_bundle_with_features_is_published_with_their_golden_vectors(registry: Path) -> None:
    snapshot = take_snapshot(FEATURES)
    destination = destination_in(registry, snapshot.bundle)
    assert publish(snapshot, destination, latest=True)
    assert files(destination.folder) == files(FEATURES)
    assert open_bundle(destination.folder).metadata.features == snapshot.bundle.metadata.features


def test_the_same_bytes_again_are_no_error_and_change_nothing(made: Made, registry: Path) -> None:
    snapshot = take_snapshot(made("1.0"))
    destination = destination_in(registry, snapshot.bundle)
    publish(snapshot, destination, latest=True)
    inode = destination.folder.stat().st_ino
    assert not publish(snapshot, destination, latest=True)
    assert destination.folder.stat().st_ino == inode


def test_other_bytes_under_a_published_version_are_refused_with_the_version_that_is_free(
    put: Publish, registry: Path
) -> None:
    put("1.0")
    put("1.4")
    before = files(registry)
    with pytest.raises(InputError, match=r"v1\.0: is published with other bytes.*--version 1\.5 is free"):
        put("1.0", created="2025-01-01T00:00:00Z")
    assert files(registry) == before


def test_a_published_version_that_is_damaged_is_not_repaired_in_place(put: Publish, registry: Path) -> None:
    put("1.0")
    (registry / NAME / "v1.0" / "model.onnx").write_bytes(b"")
    with pytest.raises(InputError, match=r"is published, and damaged \(.*model\.onnx.*--version 1\.1 is free"):
        put("1.0")


def test_latest_moves_up_and_never_down(put: Publish, registry: Path) -> None:
    for version, expected in (("1.0", (1, 0)), ("1.10", (1, 10)), ("1.9", (1, 10)), ("2.0", (2, 0))):
        assert put(version)
        assert latest_version(registry / NAME) == expected


def test_latest_stays_when_told_so_and_is_moved_by_publishing_again(put: Publish, registry: Path) -> None:
    put("1.0", latest=False)
    assert latest_version(registry / NAME) is None
    assert not put("1.0", latest=True)
    assert latest_version(registry / NAME) == (1, 0)


def test_latest_does_not_move_to_a_version_that_was_rolled_back_from(put: Publish, registry: Path) -> None:
    put("1.0")
    write_withdrawn(registry / NAME, {(1, 1)})
    put("1.1")
    assert latest_version(registry / NAME) == (1, 0)
    put("1.2")
    assert latest_version(registry / NAME) == (1, 2)


def test_what_the_metadata_does_not_name_stays_behind(made: Made, registry: Path) -> None:
    bundle = made("1.0")
    (bundle / "notes.txt").write_bytes(b"nobody has checked this")
    (bundle / ".hidden").write_bytes(b"")
    snapshot = take_snapshot(bundle)
    assert snapshot.left_behind == ("notes.txt",)
    destination = destination_in(registry, snapshot.bundle)
    publish(snapshot, destination, latest=True)
    assert "notes.txt" not in files(destination.folder)


def test_links_within_the_bundle_become_files(made: Made, registry: Path) -> None:
    bundle = made("1.0")
    (bundle / "..2024").mkdir()
    (bundle / "model.onnx").rename(bundle / "..2024" / "model.onnx")
    (bundle / "model.onnx").symlink_to("..2024/model.onnx")
    snapshot = take_snapshot(bundle)
    destination = destination_in(registry, snapshot.bundle)
    publish(snapshot, destination, latest=True)
    assert names(destination.folder) == ["golden", "metadata.json", "model.onnx"]
    assert not (destination.folder / "model.onnx").is_symlink()


@pytest.mark.parametrize("file", ["model.onnx", "golden/input_x.npy"])
def test_a_bundle_that_changes_after_it_was_opened_is_refused_and_nothing_is_written(
    made: Made, registry: Path, file: str
) -> None:
    bundle = made("1.0")
    snapshot = take_snapshot(bundle)
    content = bytearray((bundle / file).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"{file}: changed while it was being copied"):
        publish(snapshot, destination_in(registry, snapshot.bundle), latest=True)
    assert not registry.exists()


def test_metadata_that_changes_after_it_was_opened_is_published_as_it_was(made: Made, registry: Path) -> None:
    bundle = made("1.0")
    before = files(bundle)
    snapshot = take_snapshot(bundle)
    (bundle / "metadata.json").write_bytes(b"{}")
    destination = destination_in(registry, snapshot.bundle)
    publish(snapshot, destination, latest=True)
    assert files(destination.folder) == before


def test_a_copy_that_the_disk_gives_back_changed_is_not_placed(
    made: Made, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = take_snapshot(made("1.0"))
    original = publishing.copy_bundle

    def copied_badly(taken: publishing.Snapshot, folder: Path) -> None:
        original(taken, folder)
        (folder / "model.onnx").write_bytes(b"rot")

    monkeypatch.setattr(publishing, "copy_bundle", copied_badly)
    with pytest.raises(InputError, match=r"model\.onnx: is 3 bytes"):
        publish(snapshot, destination_in(registry, snapshot.bundle), latest=True)
    assert not registry.exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    made: Made, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    snapshot = take_snapshot(made("1.0"))
    monkeypatch.setattr(publishing, "_copied", full)
    with pytest.raises(InputError, match=r"v1\.0: cannot be written \(.*No space left on device\)"):
        publish(snapshot, destination_in(registry, snapshot.bundle), latest=True)
    assert not registry.exists()


def test_a_registry_that_is_a_file_is_refused(made: Made, registry: Path) -> None:
    registry.write_bytes(b"")
    snapshot = take_snapshot(made("1.0"))
    with pytest.raises(InputError, match="is not a folder"):
        is_published(snapshot, destination_in(registry, snapshot.bundle))


def test_leftovers_of_publishers_that_died_are_removed_by_the_next(put: Publish, registry: Path) -> None:
    put("1.0")
    shutil.copytree(registry / NAME / "v1.0", registry / NAME / ".v1.1-0123abcd")
    (registry / NAME / ".lock").write_bytes(b"")
    put("1.2")
    assert names(registry / NAME) == ["latest", "v1.0", "v1.2"]


def race(publishers: list[Callable[[], bool]]) -> list[str]:
    """Let all begin at once; return `new`, `same` or the sentence of each."""
    together = threading.Barrier(len(publishers))
    outcomes = [""] * len(publishers)

    def run(index: int, publisher: Callable[[], bool]) -> None:
        together.wait()
        try:
            outcomes[index] = "new" if publisher() else "same"
        except InputError as error:
            outcomes[index] = str(error)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(publishers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize("same", [True, False])
def test_of_two_publishers_of_one_version_one_wins_and_the_other_is_told(
    made: Made, registry: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    snapshots = [take_snapshot(made("1.0", created=f"2025-01-0{1 if same else day}T00:00:00Z")) for day in (1, 2)]
    destination = destination_in(registry, snapshots[0].bundle)
    copied = threading.Barrier(2)
    original = publishing._check_copy

    def meet(snapshot: publishing.Snapshot, staged: Path) -> None:
        original(snapshot, staged)
        copied.wait()

    monkeypatch.setattr(publishing, "_check_copy", meet)
    outcomes = race([lambda each=each: publish(each, destination, latest=True) for each in snapshots])  # type: ignore[misc]
    (loser,) = (outcome for outcome in outcomes if outcome != "new")
    assert "v1.0: was published by another process meanwhile; --version 1.1 is free" in loser
    winner = snapshots[outcomes.index("new")]
    assert (destination.folder / "metadata.json").read_bytes() == winner.metadata
    assert names(destination.model_folder) == ["latest", "v1.0"]


def test_publishers_of_different_versions_all_land_and_latest_is_the_highest(made: Made, registry: Path) -> None:
    for turn in range(5):
        snapshots = [take_snapshot(made(f"{turn}.{minor}")) for minor in range(6)]
        outcomes = race(
            [lambda each=each: publish(each, destination_in(registry, each.bundle), latest=True) for each in snapshots]  # type: ignore[misc]
        )
        assert outcomes == ["new"] * 6
        assert latest_version(registry / NAME) == (turn, 5)
        assert [name for name in names(registry / NAME) if name.startswith(".")] == []

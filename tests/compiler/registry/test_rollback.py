"""Rolling back: to the highest good version below, once, and to nothing that was itself rolled back from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry import rollback
from dwcpc.compiler.registry.rollback import RolledBack, roll_back
from dwcpc.compiler.registry.withdrawn import withdrawn_versions
from dwcpc.compiler.versions import Version, latest_version

NAME = "tiny_proven"
Publish = Callable[..., bool]


def not_fp16(bundle: Bundle) -> str | None:
    """Stand in for what makes a version no good."""
    return "is in fp16" if bundle.metadata.target == "cpu-fp16" else None


def back(registry: Path, to: Version | None = None) -> RolledBack:
    return roll_back(registry, NAME, to, not_fp16)


def test_latest_goes_to_the_previous_version_and_versions_stay(put: Publish, registry: Path) -> None:
    for version in ("1.0", "1.1", "1.10"):
        put(version)
    assert back(registry) == RolledBack(NAME, (1, 10), (1, 1), ())
    assert latest_version(registry / NAME) == (1, 1)
    assert sorted(path.name for path in (registry / NAME).iterdir()) == ["latest", "v1.0", "v1.1", "v1.10", "withdrawn"]
    assert (registry / NAME / "withdrawn").read_text(encoding="utf-8") == "v1.10\n"


def test_a_second_rollback_goes_on_down_and_the_one_after_the_last_is_refused(put: Publish, registry: Path) -> None:
    for version in ("1.0", "1.1", "1.2"):
        put(version)
    assert [back(registry).now for _ in range(2)] == [(1, 1), (1, 0)]
    with pytest.raises(InputError, match=r"latest is v1\.0, and no good version is below it; publish another"):
        back(registry)
    assert latest_version(registry / NAME) == (1, 0)
    assert withdrawn_versions(registry / NAME) == {(1, 1), (1, 2)}


def test_a_version_that_was_rolled_back_from_is_not_picked_after_another_was_published(
    put: Publish, registry: Path
) -> None:
    for version in ("1.0", "1.1"):
        put(version)
    back(registry)
    put("1.2")
    assert back(registry) == RolledBack(NAME, (1, 2), (1, 0), ("v1.1 is withdrawn by an earlier rollback",))


def test_what_is_damaged_or_no_good_is_passed_over_with_the_reason(put: Publish, registry: Path) -> None:
    put("1.0")
    put("1.1", target="cpu-fp16")
    put("1.2")
    put("1.3")
    (registry / NAME / "v1.2" / "model.onnx").write_bytes(b"")
    done = back(registry)
    assert done.now == (1, 0)
    assert "v1.2 is damaged (" in done.skipped[0]
    assert "model.onnx" in done.skipped[0]
    assert done.skipped[1] == "v1.1 is in fp16"


def test_says_why_nothing_below_is_good(put: Publish, registry: Path) -> None:
    put("1.0", target="cpu-fp16")
    put("1.1")
    with pytest.raises(InputError, match=r"no good version is below it \(v1\.0 is in fp16\)"):
        back(registry)
    assert withdrawn_versions(registry / NAME) == frozenset()


@pytest.mark.parametrize("broken", ["damaged", "gone"])
def test_gets_away_from_a_latest_that_is_no_longer_whole(put: Publish, registry: Path, broken: str) -> None:
    put("1.0")
    put("1.1")
    folder = registry / NAME / "v1.1"
    if broken == "gone":
        folder.rename(folder.with_name("elsewhere"))
    else:
        (folder / "model.onnx").write_bytes(b"")
    assert back(registry).now == (1, 0)


def test_to_names_a_version_up_or_down(put: Publish, registry: Path) -> None:
    for version in ("1.0", "1.1", "1.2"):
        put(version)
    assert back(registry, (1, 0)).now == (1, 0)
    assert withdrawn_versions(registry / NAME) == {(1, 1), (1, 2)}  # 1.1 was passed over on purpose
    assert back(registry, (1, 2)) == RolledBack(NAME, (1, 0), (1, 2), ())
    assert withdrawn_versions(registry / NAME) == {(1, 1)}
    assert back(registry, (1, 2)).now == (1, 2)
    assert back(registry, (1, 1)).now == (1, 1)
    assert withdrawn_versions(registry / NAME) == {(1, 2)}


def test_to_helps_where_latest_names_nothing(put: Publish, registry: Path) -> None:
    put("1.0", latest=False)
    with pytest.raises(InputError, match=r"`latest` of tiny_proven names no version; name the version .* with --to"):
        back(registry)
    assert back(registry, (1, 0)) == RolledBack(NAME, None, (1, 0), ())
    (registry / NAME / "latest").unlink()
    (registry / NAME / "latest").symlink_to("elsewhere")
    with pytest.raises(InputError, match="names 'elsewhere'"):
        back(registry)
    assert back(registry, (1, 0)).now == (1, 0)


def test_to_refuses_what_is_no_good_and_what_is_not_there(put: Publish, registry: Path) -> None:
    put("1.0", target="cpu-fp16")
    put("1.1")
    put("1.2")
    (registry / NAME / "v1.1" / "model.onnx").write_bytes(b"")
    for version, reason in (
        ((1, 0), r"v1\.0: is in fp16; `latest` names good versions only"),
        ((1, 1), r"v1\.1: is damaged"),
        ((1, 9), r"--to is 1\.9, expected a version of tiny_proven: v1\.2, v1\.1, v1\.0"),
    ):
        with pytest.raises(InputError, match=reason):
            back(registry, version)
    assert latest_version(registry / NAME) == (1, 2)


def test_an_interrupted_rollback_is_finished_by_repeating_it(
    put: Publish, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "1.1", "1.2"):
        put(version)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rollback, "point_latest", killed)
        with pytest.raises(KeyboardInterrupt):
            back(registry)
    assert latest_version(registry / NAME) == (1, 2)
    assert back(registry).now == (1, 1)


@pytest.mark.parametrize(("name", "reason"), [("absent", "holds no version"), ("../up", "--name is '../up'")])
def test_a_name_that_is_not_published_is_refused(put: Publish, registry: Path, name: str, reason: str) -> None:
    put("1.0")
    with pytest.raises(InputError, match=reason):
        roll_back(registry, name, None, not_fp16)


def test_a_list_of_withdrawn_versions_that_cannot_be_read_is_refused(put: Publish, registry: Path) -> None:
    put("1.0")
    (registry / NAME / "withdrawn").write_text("v1.0\nthe bad one\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"withdrawn: holds 'the', expected a version such as v1\.0 a line"):
        back(registry)


def test_a_registry_that_cannot_be_written_is_one_sentence(
    put: Publish, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("1.0")
    put("1.1")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(rollback, "locked", denied)
    with pytest.raises(InputError, match=r"tiny_proven: cannot be written \(.*Permission denied\)"):
        back(registry)
    assert latest_version(registry / NAME) == (1, 1)

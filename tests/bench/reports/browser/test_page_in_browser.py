"""The page in a real Chromium: quiet, by itself, no wider than its window, for eyes, keyboard and screen reader."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dwcpc.bench.findings import Findings
from dwcpc.bench.reports import page

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("passed_findings", "failed_findings", "hostile_findings")
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def files(
    passed_findings: Findings,
    failed_findings: Findings,
    hostile_findings: Findings,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, findings in zip(NAMES, (passed_findings, failed_findings, hostile_findings), strict=True):
        (folder / f"{name}.html").write_text(page.render(findings), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in NAMES}


def colours(png: bytes) -> int:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        found = image.convert("RGB").getcolors(maxcolors=1 << 24)
    assert found is not None
    return len(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_quiet_stays_by_itself_and_fits(
    name: str, width: int, dark: bool, files: dict[str, Path], open_page: Callable[..., Any]
) -> None:
    shown = open_page(files[name], width=width, dark=dark)
    assert shown.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert colours(shown.screenshot()) > 20
    assert shown.told("Runtime.consoleAPICalled") == []
    assert shown.told("Runtime.exceptionThrown") == []
    assert shown.told("Log.entryAdded") == []
    requests = [each["request"]["url"] for each in shown.told("Network.requestWillBeSent")]
    assert [url for url in requests if not url.startswith("data:")] == [files[name].as_uri()]


def test_a_page_that_misbehaves_would_be_found(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<img src='beside.png'><div style='width: 2000px'>wide</div><script>console.error('x'); throw 1</script>",
        encoding="utf-8",
    )
    shown = open_page(bad, width=390)
    assert shown.value("document.documentElement.scrollWidth > 390")
    assert len(shown.told("Runtime.consoleAPICalled")) == 1
    assert len(shown.told("Runtime.exceptionThrown")) == 1
    assert len(shown.told("Network.requestWillBeSent")) == 2


def test_dark_and_light_are_different(files: dict[str, Path], open_page: Callable[..., Any]) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    curve = "getComputedStyle(document.querySelector('svg text')).fill"
    light = open_page(files[NAMES[0]])
    seen = [light.value(background), light.value(curve)]
    dark = open_page(files[NAMES[0]], dark=True)
    assert [dark.value(background), dark.value(curve)] == ["rgb(19, 22, 25)", "rgb(164, 174, 184)"]
    assert seen == ["rgb(246, 246, 243)", "rgb(89, 98, 108)"]


def test_a_screen_reader_hears_the_plots_the_tables_and_the_landmarks(
    files: dict[str, Path], open_page: Callable[..., Any]
) -> None:
    shown = open_page(files["failed_findings"])
    nodes = shown.call("Accessibility.getFullAXTree")["nodes"]
    heard = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    roles = [role for role, _ in heard]
    assert {"banner", "main", "contentinfo", "navigation", "table", "article"} <= set(roles)
    images = [name for role, name in heard if role in {"image", "img"}]
    assert len(images) == 12
    assert all(images)
    assert all(name for role, name in heard if role in {"table", "region", "navigation", "article", "heading"})


def test_the_keyboard_reaches_the_way_past_and_every_folded_table(
    files: dict[str, Path], open_page: Callable[..., Any]
) -> None:
    shown = open_page(files["passed_findings"])

    def tab() -> str:
        for kind in ("keyDown", "keyUp"):
            shown.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        return str(shown.value("document.activeElement.className || document.activeElement.tagName"))

    assert tab() == "skip"
    assert shown.value("document.activeElement.getBoundingClientRect().left >= 0")
    assert shown.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    expected = shown.value("document.querySelectorAll('summary').length")
    reached = [tab() for _ in range(40)]
    assert reached.count("SUMMARY") >= expected


def test_a_table_too_wide_for_a_phone_scrolls_in_its_box(files: dict[str, Path], open_page: Callable[..., Any]) -> None:
    shown = open_page(files["failed_findings"], width=390)
    shown.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert shown.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    boxes = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth)"
    assert shown.value(f"{boxes}.length") > 3
    assert shown.value(f"{boxes}.every(each => getComputedStyle(each).overflowX === 'auto' && each.tabIndex === 0)")


def test_it_prints_on_white_and_within_the_paper(files: dict[str, Path], open_page: Callable[..., Any]) -> None:
    shown = open_page(files["passed_findings"], width=720, dark=True)
    shown.call(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert shown.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shown.value("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(68, 68, 68)"
    assert shown.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert shown.value("[...document.querySelectorAll('details')].every(each => !each.getClientRects().length)")

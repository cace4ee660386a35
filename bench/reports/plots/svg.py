"""A matplotlib figure as SVG that belongs to a page: the page's colours and font, a title, no name that occurs twice.

matplotlib writes fixed colours. Each role has one that nothing else has (`INK` …), which becomes a CSS variable here:
the same plot follows the reader's light or dark scheme. Equal figures give equal bytes: no date, a fixed salt.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.bench.reports.safe_text import legal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, GO, PYTHON, LIMIT, GOOD, BAD, SURFACE = (f"#0102{role:02x}" for role in range(1, 10))
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    GO: "--go",
    PYTHON: "--python",
    LIMIT: "--limit",
    GOOD: "--good",
    BAD: "--bad",
    SURFACE: "--surface",
}
RUNTIME_COLOURS = {"go": GO, "python": PYTHON}

UNITS_PER_INCH = 72
WIDTH = 400  # of each plot, in the SVG's own units: at 360 px, a phone's width, its text is still 10 px high
TEXT = 11.5
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
FONT = re.compile(r"(font-family:|font: [^;']*px) [^;]*")  # matplotlib's new and old way to write it
REFERENCE = re.compile(r"url\(#([^)]+)\)")

SETTINGS = {
    "text.parse_math": False,  # a name may hold a dollar
    "svg.fonttype": "none",  # text stays text: selectable, and in the page's font
    "font.size": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": TEXT,
    "text.color": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": TEXT,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """What a page shows: `svg` is whole, `title` names it and `description` says what it shows, for a screen reader."""

    svg: str
    title: str
    description: str


@contextmanager
def canvas(height: int, rows: int = 1, width: int = WIDTH) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure of `height` units and its axes, one above the other, in the report's style."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of each font that is not there
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", SETTINGS]):
        figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.subplots(rows, 1, squeeze=False, sharex=rows > 1)[:, 0]
        for each in axes:
            each.patch.set_visible(False)
            each.tick_params(length=0)
        yield figure, list(axes)


def finished(figure: Figure, key: str, title: str, description: str) -> Plot:
    """Return the plot; `key` is what tells it from the others of its page."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": key}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that matplotlib's font lacks is drawn by the reader's
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return Plot(_adopted(legal(text.getvalue()), key, title, description), title, description)


def _adopted(text: str, key: str, title: str, description: str) -> str:
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(text)  # noqa: S314 - matplotlib's own output
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    _rename(root, key)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    for element in root.iter():
        if "style" in element.attrib:
            element.set("style", _styled(element.get("style", "")))
    _named(root, key, title, description)
    return ET.tostring(root, encoding="unicode")


def _rename(root: ET.Element, key: str) -> None:
    """Give the names that something refers to the plot's key, and drop the others."""
    link = f"{{{XLINK}}}href"
    used = {element.get(link, "").removeprefix("#") for element in root.iter()}
    used |= {name for element in root.iter() for value in element.attrib.values() for name in REFERENCE.findall(value)}
    for element in root.iter():
        for attribute, value in list(element.attrib.items()):
            if attribute == "id":
                element.attrib.pop("id")
                if value in used:
                    element.set("id", f"{key}-{value}")
            elif attribute == link:
                element.set(link, f"#{key}-{value.removeprefix('#')}")
            else:
                element.set(attribute, REFERENCE.sub(rf"url(#{key}-\1)", value))


def _styled(style: str) -> str:
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, f"var({variable})")
    return FONT.sub(r"\1 var(--sans)", style)


def _named(root: ET.Element, key: str, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("aria-labelledby", f"{key}-title {key}-description")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{SVG}}}{tag}", id=f"{key}-{'title' if tag == 'title' else 'description'}")
        element.text = legal(text)
        root.insert(place, element)

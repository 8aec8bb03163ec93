"""A scene as SVG: inline in the page, where a style sheet gives the colours, or as a file with its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape

from xstilts_eval.figures.scene import COLOURS, SIZE, Area, Line, Mark, Point, Rect, Row, Scene, Text
from xstilts_eval.foreign import visible

RULES = (
    ".f{fill:currentColor}.l{fill:none;stroke:currentColor;stroke-linejoin:round}.d{stroke-dasharray:3 3}"
    ".o{fill:var(--page,#fff);stroke:currentColor;stroke-width:1.6}"
    f"text{{font-size:{SIZE:g}px;fill:currentColor;dominant-baseline:central}}"
    ".m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:600}"
    + "".join(f".z{size}{{font-size:{size}px}}" for size in (9, 10, 13))
)
"""Style of the marks; `colours` gives those of the roles."""


def colours(number: int) -> str:
    """Style rules of the roles, in the light (0) or dark (1) colours."""
    return "".join(f".{role}{{color:{pair[number]}}}" for role, pair in COLOURS.items())


def inline(scene: Scene) -> str:
    """For a page that holds `RULES` and the roles' colours; what a mark says on hover is in ``data-tip``."""
    body = "".join(_mark(mark, "data-tip") for mark in scene.marks)
    return (
        f'<svg viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" width="{_n(scene.width)}" '
        f'height="{_n(scene.height)}" role="img" aria-label="{_attribute(scene.label)}">{body}</svg>'
    )


def document(
    scene: Scene, width: float | None = None, outline: Callable[[Text], str | None] = lambda mark: None
) -> str:
    """A file of its own, `width` inches wide, in the light colours; what a mark says on hover is its title.

    `outline` gives the path of a text, None for one that stays text.
    """
    body = "\n".join(_mark(mark, "title", outline) for mark in scene.marks)
    size = (_n(scene.width), _n(scene.height))
    if width:
        size = (f"{width:.5g}in", f"{width * scene.height / scene.width:.5g}in")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" '
        f'width="{size[0]}" height="{size[1]}" font-family="DejaVu Sans, Arial, sans-serif">\n'
        f"<title>{_text(scene.label)}</title>\n<style>{RULES}{colours(0)}</style>\n{body}\n</svg>\n"
    )


def _mark(mark: Mark, tip: str, outline: Callable[[Text], str | None] = lambda mark: None) -> str:
    if isinstance(mark, Row):
        inner = "".join(_mark(one, tip, outline) for one in mark.marks)
        if tip == "title":  # nothing is moved in a file
            return inner
        keys = "".join(f' data-{name}="{_attribute(value)}"' for name, value in mark.keys)
        return f'<g data-y="{_n(mark.y)}" data-high="{_n(mark.height)}"{keys}>{inner}</g>'
    if isinstance(mark, Text):
        if path := outline(replace(mark, text=visible(mark.text))):
            return f'<path class="f {mark.paint}" aria-label="{_attribute(mark.text)}" d="{path}"/>'
        classes = [mark.paint, {"middle": "m", "end": "e"}.get(mark.anchor, ""), "b" if mark.is_bold else ""]
        classes.append(f"z{mark.size}" if mark.size != SIZE else "")
        names = " ".join(filter(None, classes))
        return f'<text class="{names}" x="{_n(mark.x)}" y="{_n(mark.y)}">{_text(mark.text)}</text>'
    if isinstance(mark, Line):
        width = f' stroke-width="{_n(mark.width)}"' if mark.width != 1 else ""
        return f'<path class="l {mark.paint}{" d" if mark.is_dashed else ""}" d="{_path(mark.points)}"{width}/>'
    if isinstance(mark, Area):
        return f'<path class="f {mark.paint}" d="{_path(mark.points)}Z" fill-opacity="{_n(mark.opacity, 2)}"/>'
    if isinstance(mark, Rect):
        opacity = f' fill-opacity="{_n(mark.opacity, 2)}"' if mark.opacity != 1 else ""
        shape = (
            f'rect class="f {mark.paint}" x="{_n(mark.x)}" y="{_n(mark.y)}" '
            f'width="{_n(mark.width)}" height="{_n(mark.height)}"{opacity}'
        )
        return _told(shape, "rect", mark.tip, tip)
    kind = "o" if mark.is_open else "f"
    shape = f'circle class="{kind} {mark.paint}" cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="{_n(mark.radius)}"'
    return _told(shape, "circle", mark.tip, tip)


def _told(shape: str, name: str, says: str, tip: str) -> str:
    if says and tip == "title":
        return f"<{shape}><title>{_text(says)}</title></{name}>"
    return f'<{shape} data-tip="{_attribute(says)}"/>' if says else f"<{shape}/>"


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def _text(text: str) -> str:
    """Escaped; what XML cannot hold, or a reader's eye would obey, is shown by its escape."""
    return escape(visible(text), quote=False)


def _attribute(text: str) -> str:
    return _text(text).replace('"', "&quot;").replace("\n", "&#10;")

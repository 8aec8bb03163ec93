"""Hooks of mkdocs: pages that lie outside docs/, and links that lead out of it."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = """# Reference of the Python API

What `import xstilts_eval as xs` gives; [api.md](api.md) shows it at work.

::: xstilts_eval.api
    options:
      heading_level: 2
      show_root_heading: false
      show_root_toc_entry: false
      filters: ["!^_"]
"""
_LINK = re.compile(r"(\]\()([^)\s#]+)?(#[^)\s]*)?(\))")


def pages() -> dict[str, str]:
    """Every page of the site by the file of the repository that holds its text."""
    found = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
    found |= {f"docs/{path.name}": path.name for path in (ROOT / "docs").glob("*.md")}
    for path in sorted((ROOT / "harness_tasks").rglob("README.md")):
        folder = path.parent.relative_to(ROOT / "harness_tasks").as_posix()
        found[path.relative_to(ROOT).as_posix()] = "datasets/index.md" if folder == "." else f"datasets/{folder}.md"
    return found


def rewritten(text: str, source: str, repository: str) -> str:
    """The text of a page with every link that leads to a file of the repository led to its page, or to the file there.

    `source` is the page's own file. A link that leads nowhere stays as it is, for mkdocs to complain about.
    """
    known = pages()
    here = posixpath.dirname(known[source])

    def led(found: re.Match[str]) -> str:
        target, anchor = found[2], found[3] or ""
        if not target or "://" in target or target.startswith("mailto:"):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        path = f"{path}/README.md" if f"{path}/README.md" in known else path
        if path in known:
            return f"{found[1]}{posixpath.relpath(known[path], here or '.')}{anchor}{found[4]}"
        if path.startswith("docs/") or not (ROOT / path).exists():
            return found[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{found[1]}{repository.rstrip('/')}/{kind}/main/{path}{anchor}{found[4]}"

    return _LINK.sub(led, text)


def on_files(files: Files, config: Any) -> Files:
    """The pages that lie outside docs/, and the reference."""
    for source, page in pages().items():
        if not source.startswith("docs/"):
            content = (ROOT / source).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=rewritten(content, source, config.repo_url)))
    files.append(File.generated(config, "reference.md", content=REFERENCE))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Pages of docs/ themselves."""
    source = f"docs/{page.file.src_uri}"
    return rewritten(markdown, source, config.repo_url) if (ROOT / source).is_file() else markdown

"""The documentation holds together: links lead somewhere, every page is in the site, versions agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lowest import PROJECT
from xstilts_eval import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/ci/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "harness_tasks").rglob("README.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(page: Path) -> str:
    """Without code, in which brackets mean other things."""
    found = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "code", found)


def anchors(page: Path) -> set[str]:
    """Of the headings, by GitHub's rule: lower case, punctuation away, blanks as hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(text(page)):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


class _Loader(yaml.SafeLoader):
    """mkdocs.yml names a Python function; what it is does not matter here."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
SITE: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Loader)


def test_every_page_is_in_the_site_and_nothing_is_loaded_from_elsewhere() -> None:
    listed = [page for group in SITE["nav"] for pages in group.values() for page in (
        [pages] if isinstance(pages, str) else [one for entry in pages for one in entry.values()])]  # fmt: skip
    assert len(listed) == len(set(listed))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} == set(listed) - {
        "index.md", "contributing.md", "changelog.md", "reference.md", "datasets/index.md",
    }  # fmt: skip
    assert SITE["strict"] and SITE["theme"]["font"] is False and SITE["repo_url"] == PROJECT["urls"]["Homepage"]


def test_the_version_is_the_same_everywhere() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {__version__, PROJECT["version"], cited["version"]} == {__version__}
    assert cited["license"] == PROJECT["license"] and cited["repository-code"] == PROJECT["urls"]["Homepage"]
    assert f"]: {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_pre_commit_checks_what_make_lint_checks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert {hook["entry"].split()[0] for hook in hooks} == set(re.findall(r"\$\(BIN\)/(\w+)", lint))


def test_the_container_has_what_it_names() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (extras,) = (line.partition("=")[2].split(",") for line in lines if line.startswith("ARG EXTRAS"))
    assert set(extras) <= set(PROJECT["optional-dependencies"])
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"README.md", "LICENSE", "zoo", "recipes", "harness_tasks", "xstilts_eval"} & set(ignored)

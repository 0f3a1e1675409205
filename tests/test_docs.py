"""What docstrings and documents point at is there, for somebody who has nothing but the repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted([*(ROOT / "e2viz").rglob("*.py"), *(ROOT / "pages").rglob("*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_cite_documents_of_the_repository(path):
    text = path.read_text(encoding="utf-8")
    for cited in re.findall(r"[\w./]+\.md\b", text):
        assert (ROOT / cited).is_file() or cited.endswith("README.md"), f"{path} cites {cited}"
    assert "../shared" not in text


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_files_of_documents_exist(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([\w./-]+\.\w+)[^)]*\)", text):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"
    for named in re.findall(r"`((?:e2viz|pages|tests|docs|deploy|examples|assets)/[\w./-]+\.\w+)`", text):
        assert (ROOT / named).exists(), f"{path.name} names {named}"


def test_every_document_is_listed():
    for folder in (ROOT / "docs", ROOT / "docs" / "deploy"):
        index = (folder / "README.md").read_text(encoding="utf-8")
        missing = [path.name for path in folder.glob("*.md") if f"({path.name})" not in index]
        assert missing == ["README.md"], f"{folder.name}/README.md lists the documents"

"""What the site has beside the pages of docs/: mkdocs calls the functions whose names begin with `on_`.

A link of a page to a file of the repository leads to a page that shows this file. CHANGELOG.md, CONTRIBUTING.md and
SECURITY.md are pages too. Pictures are drawn anew at each build, and the commands are listed as the code has them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath, relpath

from commands import commands
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pictures import PICTURES

ROOT = Path(__file__).resolve().parents[2]

BESIDE = {"CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Pages of the site that lie beside docs/, by their path in the repository."""

LINK = re.compile(r"(?<=\]\()(?!https?:|#)(?P<path>[^)#\s]+)")

LANGUAGES = {".py": "python", ".c": "c", ".h": "c", ".cu": "cuda", ".toml": "toml", ".yml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that docs/ lacks."""
    for path, uri in BESIDE.items():
        files.append(File.generated(config, uri, content=(ROOT / path).read_text(encoding="utf-8")))
    for name, draw in PICTURES.items():
        files.append(File.generated(config, f"pictures/{name}.svg", content=draw()))
    linked = {path for page in files.documentation_pages() for path in _linked(page) if not _is_page(path)}
    for path in sorted(linked):
        files.append(File.generated(config, _uri(path), content=shown(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where the site has what they lead to in the repository, and write the commands."""
    if page.file.src_uri.startswith("source/"):
        return markdown
    here = Path(page.file.src_uri).parent.as_posix()
    text = markdown.replace("<!-- commands -->", "\n".join(commands()))
    return LINK.sub(lambda link: relpath(_uri(_path(page.file, link["path"])), here), text)


def shown(path: Path) -> str:
    """The page of a file or folder of the repository."""
    head = f"---\nsearch: {{exclude: true}}\n---\n\n# {path.relative_to(ROOT)}\n\n"
    if path.is_dir():
        inside = sorted(each for each in path.glob("*.py") if each.name != "__init__.py")
        lines = [_title(path / "__init__.py"), "", *(f"- `{each.name}`: {_title(each)}" for each in inside)]
        return head + "\n".join(lines)
    text = path.read_text(encoding="utf-8")
    language = LANGUAGES.get(path.suffix, "python" if "python" in text.partition("\n")[0] else "text")
    return f"{head}``````{language}\n{text}\n``````\n"


def _title(path: Path) -> str:
    """The first line of a Python file's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _linked(page: File) -> Iterator[str]:
    return (_path(page, link["path"]) for link in LINK.finditer(page.content_string))


def _path(page: File, link: str) -> str:
    """What a page links to, as a path in the repository."""
    home = {uri: path for path, uri in BESIDE.items()}.get(page.src_uri, f"docs/{page.src_uri}")
    return normpath(f"{Path(home).parent}/{link}")


def _is_page(path: str) -> bool:
    return path in BESIDE or path.startswith("docs/")


def _uri(path: str) -> str:
    """Where the site has a path of the repository."""
    if _is_page(path):
        return BESIDE.get(path, path.removeprefix("docs/"))
    return f"source/{path}.md"

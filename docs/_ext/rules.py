"""The directive `rules`: a table of the rules of one letter, made from the code when the documentation is built."""

from pathlib import PurePosixPath

import rulebook
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class RulesDirective(SphinxDirective):
    """``{rules} M``: number, text, where implemented, where tested."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the table as Markdown and let it be parsed."""
        rows = [
            f"| {rule.number} | {rule.text} | {_short(rule.code)} | {_short(rule.tests)} |"
            for rule in rulebook.rules(self.arguments[0])
        ]
        head = ["| rule | what it says | in | tested in |", "|---|---|---|---|"]
        lines = [*head, *rows] if rows else ["None."]
        box = nodes.container()
        self.state.nested_parse(StringList(lines, source="rules"), self.content_offset, box)
        return box.children


def _short(paths: tuple[str, ...]) -> str:
    """Name files by their room and name: `mrcpv1/_turns`."""
    names = ("/".join(PurePosixPath(path).with_suffix("").parts[1:]) for path in paths)
    return ", ".join(f"`{name}`" for name in names)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive; the tables depend on files Sphinx doesn't watch, so pages with them are always read."""
    app.add_directive("rules", RulesDirective)
    app.connect("env-before-read-docs", lambda _app, _env, names: names.append("reference/rules"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

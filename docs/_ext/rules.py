"""The directive `rules`: tables of the numbered wire rules, made from the code when the documentation is built."""

from pathlib import PurePosixPath

import rulebook
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

TITLES = {
    "M": "MRCPv2 messages (M)",
    "R": "RTSP and MRCPv1 (R)",
    "S": "SIP (S)",
    "D": "SDP (D)",
    "E": "Identities (E)",
    "F": "Met in the field (F)",
    "G": "Safety (G)",
}


class RulesDirective(SphinxDirective):
    """A section for each letter: number, text, where implemented, where tested."""

    def run(self) -> list[nodes.Node]:
        """Write the sections; a letter that the code names no rule of has none."""
        rules = {letter: list(rulebook.rules(letter)) for letter in TITLES}
        return [self._section(letter, found) for letter, found in rules.items() if found]

    def _section(self, letter: str, rules: list[rulebook.Rule]) -> nodes.section:
        section = nodes.section("", nodes.title("", TITLES[letter]), ids=[f"rules-{letter.lower()}"])
        rows = ["| rule | what it says | in | tested in |", "|---|---|---|---|"]
        rows += [
            f"| {rule.number} | {rule.text} | {_short(rule.code)} | {_short(rule.tests)} |" for rule in rules
        ]
        self.state.nested_parse(StringList(rows, source="rules"), self.content_offset, section)
        return section


def _short(paths: tuple[str, ...]) -> str:
    """Name files by their room and name: `mrcpv1/_turns`."""
    names = ("/".join(PurePosixPath(path).with_suffix("").parts[1:]) for path in paths)
    return ", ".join(f"`{name}`" for name in names)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive; the tables depend on files Sphinx doesn't watch, so their page is always read."""
    app.add_directive("rules", RulesDirective)
    app.connect("env-before-read-docs", lambda _app, _env, names: names.append("reference/rules"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

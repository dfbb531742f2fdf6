"""Directive ``results``: a table of measured figures, and the command behind it."""

from pathlib import Path

from sphinx.util.docutils import SphinxDirective


def parts(text):
    """Command and rows of a file of results: its lines that begin with # are the first.

    Returns
    -------
    command, rows : list of str
        Lines.
    """
    lines = text.splitlines()
    command = [line[2:] for line in lines if line.startswith("# ")]
    return command, [line for line in lines if line and not line.startswith("#")]


class Results(SphinxDirective):
    """``.. results:: name`` shows ``docs/benchmarks/name.csv``."""

    required_arguments = 1

    def run(self):
        """Nodes of the command, as a literal block, and of the table."""
        _, path = self.env.relfn2path(f"/benchmarks/{self.arguments[0]}.csv")
        self.env.note_dependency(path)
        command, rows = parts(Path(path).read_text(encoding="utf-8"))
        lines = ["::", "", *(f"   {line}" for line in command), ""]
        lines += [".. csv-table::", "   :header-rows: 1", "   :class: results", ""]
        lines += [f"   {row}" for row in rows]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app):
    """Register the directive."""
    app.add_directive("results", Results)
    return {"version": "1", "parallel_read_safe": True}

"""What `report` returns."""

from html import escape
from pathlib import Path

from sksynth._files import replaced


class Report:
    """A report as an HTML page, with its words and tables.

    Made by :func:`report`. In a notebook it shows itself in a frame of its own, so
    that neither restyles the other.

    Parameters
    ----------
    html : str
        The page: one file, no script, nothing fetched from elsewhere.
    verdict : str
        The words that head it, a line each.
    tables : dict of DataFrame
        The tables of the page, by name.

    Attributes
    ----------
    html, verdict, tables
        As given.

    Examples
    --------
    >>> from sksynth.evaluation import Report
    >>> page = Report("<!DOCTYPE html><title>x</title>", "Does it help? Yes.", {})
    >>> page.save("report.html").read_text()  # doctest: +SKIP
    '<!DOCTYPE html><title>x</title>'
    """

    def __init__(self, html, verdict, tables):
        self.html = html
        self.verdict = verdict
        self.tables = tables

    def __repr__(self):
        return f"Report(\n{self.verdict}\n)"

    def _repr_html_(self):
        return (
            f'<iframe sandbox srcdoc="{escape(self.html)}" title="report" '
            'style="width: 100%; height: 50rem; border: 1px solid #d5dae0"></iframe>'
        )

    def save(self, path):
        """Write the page; the file appears complete or not at all.

        Parameters
        ----------
        path : str or Path
            Of the file to write or to replace. Its folder must exist.

        Returns
        -------
        path : Path
            The same path.

        Raises
        ------
        OSError
            If the file cannot be written; one that was there stays as it was.
        """
        path = Path(path)
        with replaced(path) as file:
            file.write_text(
                self.html, encoding="utf-8", errors="xmlcharrefreplace", newline="\n"
            )
        return path

"""The report as one HTML page: no script, no file but itself."""

import base64
from dataclasses import dataclass, field
from html import escape
from string import Template

import numpy as np
import pandas as pd


@dataclass
class Picture:
    """A PNG, and the words that stand for it and under it."""

    png: bytes
    size: tuple  # width and height in pixels
    alt: str
    caption: str


@dataclass
class Section:
    """A heading, and what stands under it."""

    title: str
    texts: list = field(default_factory=list)
    tables: dict = field(default_factory=dict)  # caption -> DataFrame
    pictures: list = field(default_factory=list)


# img-src and style-src are all that is let in; scripts would not run if there were any
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: #fff;
  color: #1d2530; font: 1rem/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid #d5dae0; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .4rem 0; max-width: 48rem; }
.findings { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
.finding { border-left: 5px solid #68727f; background: #f5f7f9;
  padding: .6rem .9rem; }
.finding.good { border-color: #1a7f4b; }
.finding.bad { border-color: #b3372a; }
.answer { font-weight: 600; }
.table { overflow-x: auto; margin: .8rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .9rem; overflow-wrap: normal;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .2rem 0; }
th, td { padding: .3rem .7rem .3rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid #d5dae0; }
td { white-space: nowrap; }
thead th { vertical-align: bottom; min-width: 5rem; }
th:first-child, .words { text-align: left; }
tbody th { font-weight: 400; white-space: normal; min-width: 9rem; max-width: 14rem;
  overflow-wrap: anywhere; }
.pictures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
figure { margin: 0; }
figcaption { font-size: .9rem; color: #4a5462; }
img { display: block; max-width: 100%; height: auto; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<section>
<h2>Verdict</h2>
<div class="findings">
$findings
</div>
</section>
$sections
</main>
</body>
</html>
""")


def page(title, findings, sections):
    """The whole page; every word is escaped here."""
    return PAGE.substitute(
        title=escape(title),
        findings="\n".join(map(_finding, findings)),
        sections="\n".join(map(_section, sections)),
    )


def _finding(finding):
    return (
        f'<div class="finding {finding.status}">\n'
        f"<h3>{escape(finding.question)}</h3>\n"
        f'<p class="answer">{escape(finding.answer)}</p>\n'
        + "".join(f"<p>{escape(text)}</p>\n" for text in finding.reasons)
        + "</div>"
    )


def _section(section):
    parts = [f"<section>\n<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(text)}</p>" for text in section.texts]
    parts += [_table(frame, caption) for caption, frame in section.tables.items()]
    if section.pictures:
        figures = "\n".join(map(_figure, section.pictures))
        parts.append(f'<div class="pictures">\n{figures}\n</div>')
    return "\n".join([*parts, "</section>"])


def _figure(picture):
    code = base64.b64encode(picture.png).decode()
    width, height = picture.size
    return (
        f'<figure><img src="data:image/png;base64,{code}" width="{width}" '
        f'height="{height}" alt="{escape(picture.alt)}">\n'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _table(frame, caption):
    """A table that scrolls in a box of its own, by keys too; the index heads the rows.

    Columns of words are aligned to the left.
    """
    words = [not pd.api.types.is_numeric_dtype(frame[name]) for name in frame]
    heads = "".join(
        f'<th scope="col"{_WORDS[is_words]}>{escape(str(name))}</th>'
        for name, is_words in zip(frame, words, strict=True)
    )
    rows = "\n".join(
        f'<tr><th scope="row">{escape(str(label))}</th>'
        + "".join(
            f"<td{_WORDS[is_words]}>{escape(cell(value))}</td>"
            for value, is_words in zip(values, words, strict=True)
        )
        + "</tr>"
        for label, values in zip(
            frame.index, frame.itertuples(index=False, name=None), strict=True
        )
    )
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table>\n<caption>{escape(caption)}</caption>\n"
        f'<thead><tr><th scope="col">{escape(str(frame.index.name or ""))}</th>'
        f"{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


_WORDS = {False: "", True: ' class="words"'}


def cell(value):
    """A value as it stands in a table: three digits, a dash for nothing."""
    if isinstance(value, str | bool | np.bool_):
        return str(value)
    if pd.isna(value):
        return "–"
    if isinstance(value, int | np.integer):
        return f"{value}"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{value:.2e}"

"""The page that the report opens with: a figure, three numbers, one sentence a claim.

It lies in front of Snakemake's own report, in the same file, and takes figures, captions and
headings from there, so that nothing is in the file twice.
"""

import html
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from lagbias.base.errors import RunError
from lagbias.config.tracers import parse_tracer
from lagbias.figures.labels import TRACER_TITLES
from lagbias.figures.sortable import in_words, label_of, read_rows, shown_table

# Places in the page that Snakemake 9.16 writes.
APP, END = '<div id="app">', "</body>"


class FrontPageError(RunError):
    """Snakemake's report has not the form that the front page is made for."""


@dataclass(frozen=True)
class Number:
    """One of the three numbers: what it is, its value and interval, of which k and model."""

    quantity: str
    value: str
    interval: str
    meaning: str
    condition: str


@dataclass(frozen=True)
class Claim:
    """A claim as a sentence: what was found of which model, and a verdict on each."""

    text: str
    verdicts: Sequence[str]
    findings: Sequence[str]


def with_error(value: str, interval: str) -> tuple[str, str]:
    """A number and its interval to the latter's second digit, beyond four decimals to the first."""
    if not value:
        return "not measured", ""
    if not interval or not float(interval) > 0:
        return f"{float(value):.4g}", ""
    first = -math.floor(math.log10(float(interval)))
    decimals = max(0, first, min(first + 1, 4))
    return f"{float(value):.{decimals}f}", f"{float(interval):.{decimals}f}"


def numbers_of(headline: str | Path) -> list[Number]:
    """The three numbers of the table that ``headline.write_headline`` wrote."""
    return [
        Number(
            row["quantity"],
            *with_error(row["measured"], row["interval"]),
            ": ".join([row["meaning"], *map(label_of, filter(None, [row["compared_with"]]))]),
            f"k < {float(row['k_max']):g} h/Mpc",
        )
        for row in read_rows(headline)
    ]


def claims_of(verdicts: str | Path) -> list[Claim]:
    """One sentence a claim, of the table of verdicts that ``claims.write_claims`` wrote."""
    claims = []
    for claim, group in itertools.groupby(read_rows(verdicts), key=lambda row: row["claim"]):
        rows = [row for row in group if row["model"]]
        answers = list(dict.fromkeys(row["verdict"] for row in rows))
        found: dict[str, list[str]] = {}
        for row in rows:
            # What stands in brackets is in the table, one click away.
            quantity, _, value = re.sub(r" \([^)]*\)", "", row["found"]).rpartition(": ")
            answer = f" ({row['verdict']})" if len(answers) > 1 else ""
            words = f"{value} for {label_of(row['model'])}{answer}"
            found.setdefault(in_words(quantity), []).append(words)
        findings = [f"{quantity} is {'; '.join(of)}" for quantity, of in found.items()]
        claims.append(Claim(capitalised(claim), answers, findings))
    return claims


def capitalised(text: str) -> str:
    """A text with a capital at its beginning, all else as it is."""
    return text[:1].upper() + text[1:]


def with_symbols(text: str) -> str:
    """A text as HTML, ``P_halo`` with an index as a paper prints it, ``R = 2`` on one line."""
    markup = re.sub(r"\bP_(\w+(?:,\w+)?)", r"<i>P</i><sub>\1</sub>", html.escape(text))
    return re.sub(r"^r\b", "<i>r</i>", re.sub(r"(?<=R) = | ± ", _unbroken, markup))


def _unbroken(found: re.Match) -> str:
    return found[0].replace(" ", "\N{NO-BREAK SPACE}")


def halos_of(tracer: str) -> str:
    """A tracer's name for people: ``N50`` is ``halos (mass-weighted), N > 50``."""
    found = parse_tracer(tracer)
    return f"{TRACER_TITLES[found.weighting]}, N > {found.min_particles}"


def read_variable(page: str, name: str) -> dict:
    """A variable that Snakemake's report has as JSON in a script of its own.

    Raises
    ------
    FrontPageError
        If there is none.
    """
    found = re.search(rf'<script id="{name}">\s*var {name} = ', page)
    if not found:
        raise FrontPageError(
            f"report of Snakemake: found no variable {name}, expected one, as Snakemake 9.16 "
            "writes; install the version of requirements.lock"
        )
    return json.JSONDecoder().raw_decode(page, found.end())[0]


def cases_of(config: Mapping, results: Mapping[str, dict]) -> list[dict]:
    """What is shown first of every training set and tracer: figure, numbers, claims."""
    cases = []
    for name, boxes in config["training_sets"].items():
        for tracer in config["tracers"]:
            start = f"results/tables/{name}_{tracer}"
            figure = f"results/figures/{name}_{tracer}_on_{boxes['test'][0]}_spectra_by_scales.png"
            cases.append({
                "set": name, "halos": halos_of(tracer), "boxes": boxes,
                "figure": figure if figure in results else None,
                "model": label_of(config["showcase"]),
                "path": f"results/fits/{name}/{tracer}/{config['showcase']}/",
                "numbers": numbers_of(f"{start}_headline.csv"),
                "claims": claims_of(f"{start}_verdicts.csv"),
                "table": f"{start}_claims.csv",
            })  # fmt: skip
    return cases


def with_front_page(page: str, template: str | Path, config: Mapping) -> str:
    """Snakemake's report with the front page before it.

    Parameters
    ----------
    page : str
        The HTML that Snakemake wrote.
    template : path of the front page, for jinja2
    config : mapping
        The config of the run. The tables are read from ``results/tables`` here.

    Returns
    -------
    str; HTML, one file without links to others

    Raises
    ------
    FrontPageError
        If the page has not the form that is expected.
    """
    results, categories = (read_variable(page, name) for name in ("results", "categories"))
    if APP not in page or END not in page:
        raise FrontPageError(f"report of Snakemake: found no {APP} or {END}, expected both")
    cases = cases_of(config, results)
    first = {case["table"] for case in cases}
    sections = {
        name: [path for paths in categories[name].values() for path in paths if path not in first]
        for name in sorted(categories)
    }
    tables = {path: shown_table(path) for path in results if path.endswith(".csv")}
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"symbols": with_symbols, "capitalised": capitalised}
    front = environment.from_string(Path(template).read_text(encoding="utf-8")).render(
        config=config, results=results, sections=sections, tables=tables, cases=cases,
    )  # fmt: skip
    before, _, after = page.rpartition(APP)
    after, _, end = after.rpartition(END)
    content, _, script = front.partition("<!-- end of the content -->")
    return f"{before}{content}{APP}{after}{script}{END}{end}"

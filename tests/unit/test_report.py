"""The texts of the report, rendered as Snakemake does."""

import html
import importlib
import json
import re
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined
from lagbias.config.yardsticks import KINDS
from lagbias.figures.front_page import FrontPageError, with_error, with_front_page
from lagbias.figures.sortable import in_words, label_of, shown_table, title_of
from lagbias.tables.claims import NO_CLAIM, VERDICT_COLUMNS

CAPTIONS = sorted((Path(__file__).parents[2] / "workflow/report").glob("*.rst"))
TEMPLATE = CAPTIONS[0].with_name("front_page.html.jinja2")
CONFIG = {
    "redshift": 0.5, "tracers": ["N50", "N70"], "showcase": "R2-R4",
    "training_sets": {"mini": {"train": ["a"], "validate": ["b"], "test": ["c"]}},
}  # fmt: skip
# As Snakemake adds to every text.
LINKS = """

.. _Workflow: javascript:show_panel('workflow')
.. _1. Spectra: javascript:app.showCategory('1.%20Spectra')
"""
HEADLINE = """quantity,meaning,model,compared_with,k_max,measured,interval,of_boxes,of_seeds
P_model / P_halo,power,R2-R4,,0.1,1.0349,0.021545,0.01958,0.0089902
r,correlation,R2-R4,,0.1,0.99825,0.00059429,0.00055936,
P_error over that of the best yardstick,best,R2-R4,bins-lap-R2,0.3,,,,
"""
POWER = "power_ratio_k0-0.1"
TABLE = f"""model,boxes,{POWER},{POWER}_box_error,{POWER}_seed_deviation
R2-R4,1,1.0349,0.01234,0.0064285
R2-R4-pc2,1,0.99,,
linear,1,,,
"""


def of_snakemake(**results) -> str:
    """A page with what the front page takes from Snakemake's."""
    categories = json.dumps({"0. Summary": {"Other": list(results)}})
    return (
        '<body><div id="app"></div>\n'
        f'<script id="results">\n var results = {json.dumps(results)};</script>\n'
        f'<script id="categories">\n var categories = {categories};</script>\n</body>'
    )


def result(name: str) -> dict:
    return {
        "name": name, "caption": f"<p>about {name}</p>", "labels": {"table": f"the {name}"},
        "data_uri": "data:,",
    }  # fmt: skip


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Writes the rows of a claim for some tracers and renders the page."""
    monkeypatch.chdir(tmp_path)
    tables = Path("results/tables")
    tables.mkdir(parents=True)

    def render(**rows):
        results = {}
        for tracer, row in rows.items():
            start = f"results/tables/mini_{tracer}"
            verdicts = ",".join(VERDICT_COLUMNS) + "\n" + row
            Path(f"{start}_verdicts.csv").write_text(verdicts, encoding="utf-8")
            for name, text in {"headline": HEADLINE, "claims": verdicts, "table": TABLE}.items():
                Path(f"{start}_{name}.csv").write_text(text, encoding="utf-8")
                results[f"{start}_{name}.csv"] = result(name)
        return with_front_page(of_snakemake(**results), TEMPLATE, CONFIG)

    return render


def text_of(markup: str) -> str:
    """What a person reads of a piece of HTML."""
    words = html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", words)


TWO = "one is,R3,P_model / P_halo: 1.004 ± 0.024,fails,\n"
HALF = (
    "three do,R2-R4-R8,P_model / P_halo: 1.035 ± 0.022,holds,why\n"
    'three do,R2-R4-R8-pc1,"P_error over that of bins-R2, k < 0.3 (all): 0.600",fails,why\n'
)


def test_front_page_has_one_sentence_a_claim(page):
    found = page(N50=TWO + HALF, N70=TWO)
    sentences = [text_of(line) for line in re.findall(r"<li>(.*?)</li>", found, re.S)]
    assert sentences == [
        "fails One is: Pmodel / Phalo is 1.004 ± 0.024 for R = 3.",
        "holds / fails Three do: Pmodel / Phalo is 1.035 ± 0.022 for R = 2, 4, 8 (holds); Perror "
        "over that of f(δ) in bins, R = 2, k < 0.3 is 0.600 for R = 2, 4, 8 → 1 direction (fails).",
        "fails One is: Pmodel / Phalo is 1.004 ± 0.024 for R = 3.",
    ]
    assert "Set mini, halos (mass-weighted), N > 70" in text_of(found)


def test_front_page_has_the_numbers_of_the_table(page):
    found = page(N50=TWO, N70=TWO)
    numbers = re.findall(r"<b>(.*?)</b><small>(.*?)</small>", found)[:3]
    assert [(text_of(value), text_of(words)) for value, words in numbers] == [
        ("1.035 ± 0.022", "power, k < 0.1 h/Mpc"),
        ("0.9982 ± 0.0006", "correlation, k < 0.1 h/Mpc"),
        ("not measured", "best: f(δ, ∇²δ) in bins, R = 2, k < 0.3 h/Mpc"),
    ]


def test_front_page_says_where_no_claim_applies(page):
    found = page(N50=TWO, N70=f"{NO_CLAIM},,,,\n")
    assert NO_CLAIM[1:] + "." in text_of(found)


def test_front_page_shows_each_table_once_and_names_its_file(page):
    found = page(N50=TWO, N70=TWO)
    for tracer in CONFIG["tracers"]:
        for name in ("claims", "headline", "table"):
            path = f"results/tables/mini_{tracer}_{name}.csv"
            assert found.count(f'<a data-result="{path}">{path}</a>') == 1, path


def test_report_stays_behind_the_front_page(page):
    found = page(N50=TWO, N70=TWO)
    assert found.index('<div id="front"') < found.index('<div id="app">')
    assert found.count("</body>") == 1
    assert not re.search(r"""(?:src|href)\s*=\s*["']?https?:""", found), "no network"


def test_another_form_of_report_is_refused(page):
    page(N50=TWO, N70=TWO)
    with pytest.raises(FrontPageError, match="found no variable results, expected one"):
        with_front_page("<body></body>", TEMPLATE, CONFIG)
    no_app = of_snakemake().replace('id="app"', "")
    with pytest.raises(FrontPageError, match='found no <div id="app">'):
        with_front_page(no_app, TEMPLATE, CONFIG)


def test_errors_stand_in_the_cell_of_their_number(tmp_path):
    (tmp_path / "table.csv").write_text(TABLE)
    shown = shown_table(tmp_path / "table.csv")
    assert list(shown.columns) == [
        ("model", "model", False), ("boxes", "boxes", True),
        ("P_model / P_halo, k = 0-0.1", "power_ratio_k0-0.1", True),
    ]  # fmt: skip
    cells = [[(cell.text, cell.below, cell.number) for cell in row] for row in shown.rows]
    assert cells[0] == [
        ("R = 2, 4", "R2-R4", ""), ("1", "", "1"), ("1.035 ± 0.012 (0.0064)", "", "1.0349"),
    ]  # fmt: skip
    assert cells[1][0][0] == "R = 2, 4 → 2 directions"
    assert cells[1][2] == ("0.99", "", "0.99")
    assert [row[2] for row in cells[2:]] == [("", "", "")]
    assert shown.legend == "± standard error over test boxes (standard deviation of seeds)"


@pytest.mark.parametrize(
    ("value", "interval", "expected"),
    [
        ("1.0349", "0.021545", ("1.035", "0.022")), ("0.99825", "0.00059", ("0.9982", "0.0006")),
        ("0.99825", "0.00006", ("0.99825", "0.00006")), ("12.34", "3", ("12.3", "3.0")),
        ("1.0349", "", ("1.035", "")), ("1.0349", "0", ("1.035", "")),
        ("", "", ("not measured", "")), ("1234.5", "130", ("1234", "130")),
    ],
)  # fmt: skip
def test_digits_follow_the_error(value, interval, expected):
    assert with_error(value, interval) == expected


@pytest.mark.parametrize("script", ["plot_yardsticks", "plot_comparison", "make_report"])
def test_jobs_know_the_label_of_a_yardstick_of_a_config(script, monkeypatch):
    """A job begins with the yardsticks of this repository alone."""
    own = {"straight": {"basis": "my_yardsticks.py:Straight", "label": "a line in δ"}}
    named = {"own_yardsticks": own, "config": {"own_yardsticks": own}}
    adapter, shown = importlib.import_module(script), []
    monkeypatch.setattr(adapter, "reporting", nullcontext)
    monkeypatch.setattr(adapter, script, lambda *_: shown.extend(map(label_of, ["straight-R3"])))
    rest = SimpleNamespace(
        spectra=[], coefficients=[], comparison="", template="", snakefile="", targets=[], **named
    )
    try:
        adapter.run(SimpleNamespace(input=rest, params=rest, output=[""]))
        assert shown == ["a line in δ, R = 3"]
        assert in_words("less than straight-R3 at k") == "less than a line in δ, R = 3 at k"
    finally:
        KINDS.pop("straight", None)


def test_names_are_readable():
    assert (
        in_words("that of R2-R2.83-R4_direct-pc1, k")
        == "that of R = 2, 2.83, 4, direct → 1 direction, k"
    )
    assert (
        in_words("P_error over that of poly-R2-R4.") == "P_error over that of polynomial, R = 2, 4."
    )
    assert title_of("one_minus_r2_k0.1-0.3") == "1 − r², k = 0.1-0.3"
    assert title_of("validation_loss") == "validation loss"


@pytest.mark.parametrize(
    "training",
    [{"estimator": "plain"}, {"estimator": "unbiased", "objective": "labels"}],
    ids=["plain", "labels"],
)
@pytest.mark.parametrize("caption", CAPTIONS, ids=lambda path: path.stem)
def test_caption_is_what_docutils_takes_without_a_message(caption, training):
    """Of markup that it does not understand, it puts its own messages below the caption."""
    job = SimpleNamespace(
        config=CONFIG | {"showcase": "R2-R4", "training": training},
        params=SimpleNamespace(reference="R2-R4", showcase="R2-R4"),
        wildcards=SimpleNamespace(set="mini", tracer="N50", sim="mini_ph001", K="2"),
    )
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    text = environment.from_string(caption.read_text(encoding="utf-8") + LINKS)
    rst = text.render(snakemake=job, categories={}, files=[])
    body = publish_parts(rst, writer="html")["body"]
    assert "system-message" not in body, body
    assert "problematic" not in body, body

"""The texts of the report, rendered as Snakemake does."""

import html
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined
from lagbias.tables.claims import NO_CLAIM, VERDICT_COLUMNS

TEMPLATE = Path(__file__).parents[2] / "workflow/report/workflow.rst"
CONFIG = {
    "redshift": 0.5, "tracers": ["N50", "N70"],
    "training_sets": {"mini": {"train": ["a"], "validate": ["b"], "test": ["c"]}},
}  # fmt: skip
CAPTIONS = sorted(set(TEMPLATE.parent.glob("*.rst")) - {TEMPLATE})
# As Snakemake adds to every text.
LINKS = """

.. _Workflow: javascript:show_panel('workflow')
.. _1. Spectra: javascript:app.showCategory('1.%20Spectra')
"""
HEADER = ",".join(VERDICT_COLUMNS) + "\n"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Writes the rows of a claim for some tracers and renders the page."""
    monkeypatch.chdir(tmp_path)
    tables = Path("results/tables")
    tables.mkdir(parents=True)

    def render(**rows):
        for tracer, row in rows.items():
            (tables / f"mini_{tracer}_verdicts.csv").write_text(HEADER + row)
        text = Environment(trim_blocks=True, lstrip_blocks=True).from_string(
            TEMPLATE.read_text(encoding="utf-8")
        )
        rst = text.render(snakemake=SimpleNamespace(config=CONFIG), categories={}, files=[])
        settings = {"halt_level": 2, "report_level": 2}
        return publish_parts(rst, writer="html", settings_overrides=settings)["html_body"]

    return render


def test_first_page_has_the_claims_of_each_tracer(page):
    found = page(N50="one is,R3,0.1,holds,\n", N70="two are,R4,0.2,fails,why\n")
    assert found.count("<table") == 2
    assert all(
        words in found for words in ("one is", "two are", "why", "set mini, N50", "set mini, N70")
    )


def test_first_page_says_where_no_claim_applies(page):
    found = page(N50="one is,R3,0.1,holds,\n", N70=f"{NO_CLAIM},,,,\n")
    assert found.count("<table") == 2
    assert html.escape(NO_CLAIM, quote=False) in found


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
        params=SimpleNamespace(reference="R2-R4"),
        wildcards=SimpleNamespace(set="mini", tracer="N50", sim="mini_ph001", K="2"),
    )
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    text = environment.from_string(caption.read_text(encoding="utf-8") + LINKS)
    rst = text.render(snakemake=job, categories={}, files=[])
    body = publish_parts(rst, writer="html")["body"]
    assert "system-message" not in body, body
    assert "problematic" not in body, body

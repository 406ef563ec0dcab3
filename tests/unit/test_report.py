"""The first page of the report, rendered as Snakemake does."""

import html
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment
from lagbias.claims import NO_CLAIM

TEMPLATE = Path(__file__).parents[2] / "workflow/report/workflow.rst"
CONFIG = {
    "redshift": 0.5, "tracers": ["N50", "N70"],
    "training_sets": {"mini": {"train": ["a"], "validate": ["b"], "test": ["c"]}},
}  # fmt: skip
HEADER = "claim,model,found,verdict\n"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Writes the rows of a claim for some tracers and renders the page."""
    monkeypatch.chdir(tmp_path)
    tables = Path("results/tables")
    tables.mkdir(parents=True)

    def render(**rows):
        for tracer, row in rows.items():
            (tables / f"mini_{tracer}_verdicts.csv").write_text(HEADER + row)
        text = Environment(trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE.read_text())
        rst = text.render(snakemake=SimpleNamespace(config=CONFIG), categories={}, files=[])
        settings = {"halt_level": 2, "report_level": 2}
        return publish_parts(rst, writer="html", settings_overrides=settings)["html_body"]

    return render


def test_first_page_has_the_claims_of_each_tracer(page):
    found = page(N50="one is,R3,0.1,holds\n", N70="two are,R4,0.2,fails\n")
    assert found.count("<table") == 2
    assert all(words in found for words in ("one is", "two are", "set mini, N50", "set mini, N70"))


def test_first_page_says_where_no_claim_applies(page):
    found = page(N50="one is,R3,0.1,holds\n", N70=f"{NO_CLAIM},,,\n")
    assert found.count("<table") == 2
    assert html.escape(NO_CLAIM, quote=False) in found

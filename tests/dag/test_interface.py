"""INTERFACE.yaml: every path of the rules is in it, and its page of the docs is up to date."""

import pytest
from conftest import copy_repository, plan_of
from lagbias.plan.interface import PAGE, page, plain, read

CONTRACT = read()
SUFFIXES = ("pdf", "png")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> set[tuple[str, str]]:
    """Paths under results/ and the rules that make them."""
    folder = copy_repository(tmp_path_factory.mktemp("repository"), "test")
    rules = plan_of(folder)["outputs"]
    return {
        (plain(path), rule)
        for rule, outputs in rules.items()
        for path in outputs
        if path.startswith("results/")
    }


def test_the_contract_names_the_paths_of_the_rules_and_no_others(made):
    named = {
        (entry["path"].replace("{suffix}", suffix), rule)
        for entry in CONTRACT["files"]
        for rule in entry["rules"]
        for suffix in SUFFIXES
    }
    assert named == made


def test_every_wildcard_is_explained(made):
    text = " ".join(path for path, _ in made)
    used = {part.split("}")[0] for part in text.split("{")[1:]}
    assert used == CONTRACT["wildcards"].keys()


def test_the_page_of_paths_is_made_from_the_contract():
    told = "run PYTHONPATH=workflow/scripts python -m lagbias.plan.interface"
    assert PAGE.read_text(encoding="utf-8") == page(CONTRACT), told

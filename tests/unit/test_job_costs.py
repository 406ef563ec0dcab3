"""The table of costs: a job's peak against its formula and against what it asked for."""

import re
from pathlib import Path

import job_costs
import pandas as pd
import pytest
from lagbias.plan.resources import asked_mb, formula_mb

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "sim": "mini_ph000", "set": "one", "R": "2.83", "K": "2", "seed": "1", "space": "",
    "model": "labels", "network": "R2-R4_direct-pc2", "base": "R2-R4", "lagrangian": "bins-lap-R2",
    "path": "small/AbacusSummit_small_c000_ph3000/halos/z0.500/halo_info/halo_info_000.asdf",
}  # fmt: skip


def noted(folder, seed, max_rss, asked, peak):
    """Benchmark file and log of one training, as Snakemake and the job write them."""
    folder = folder / f"logs/fits/mini/N50/R3/seed{seed}"
    folder.mkdir(parents=True)
    row = {"s": 9.0, "max_rss": max_rss, "cpu_time": 7.0, "resources": str({"mem_mb": asked})}
    pd.DataFrame([row]).to_csv(folder / "train_network.tsv", sep="\t", index=False)
    text = f"00:00:00 lagbias: peak memory {peak} MB, 8 s of CPU\n"
    (folder / "train_network.log").write_text(text)


def test_memory_asked_for_gives_back_its_formula():
    # Whole MB are asked for.
    assert formula_mb(asked_mb(1234.5)) == pytest.approx(1234.5, abs=1)
    assert asked_mb(1000, attempt=2) == 2 * asked_mb(1000)


def test_table_compares_peaks_with_the_formula_and_with_the_limit(tmp_path, monkeypatch, capsys):
    noted(tmp_path, 1, max_rss=500, asked=asked_mb(1000), peak=800)
    noted(tmp_path, 2, max_rss=1000, asked=asked_mb(1000), peak=900)  # MiB: more than the log's
    monkeypatch.setattr(job_costs.jobs, "__defaults__", (tmp_path / "logs", None))
    monkeypatch.setattr("sys.argv", ["job_costs.py"])
    job_costs.main()
    header, _, row, everything = capsys.readouterr().out.splitlines()
    assert header.endswith("| peak MB of one | peak / formula | asked MB | taken |")
    assert row == "| train_network | 2 | 18 | 16 | 1049 | 0.80–1.05 | 1400 | 0.75 |"
    assert everything == "| all | 2 | 18 | 16 | 1049 |  |  |  |"


def benchmarks() -> dict[str, str]:
    """Rules to the pattern of their benchmark files."""
    text = "\n".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    named = r"^ *(?:use rule \w+ as|rule) (\w+)(?: with)?:\n(.*?)(?=^ *(?:use )?rule |\Z)"
    found = {
        rule: re.search(r'benchmark:\s+"logs/(.*)"', body)
        for rule, body in re.findall(named, text, re.M | re.S)
    }
    return {rule: match[1] for rule, match in found.items() if match}


@pytest.mark.parametrize("tracer", ["N50", "N50-number", "N50-galaxies", "N50-LRG"])
@pytest.mark.parametrize("space", ["", "redshift_space/"])
def test_every_benchmark_file_is_of_its_rule(tracer, space):
    wildcards = EXAMPLES | {"tracer": tracer, "other": tracer, "space": space}
    places = {rule: pattern.format(**wildcards) for rule, pattern in benchmarks().items()}
    assert {"select_halos", "label_particles", "compare_transfer", "download_file"} <= {*places}
    of_tracer = {"N50-galaxies": "draw_galaxies", "N50-LRG": "populate_halos"}
    for rule in {"select_halos", *of_tracer.values()} - {of_tracer.get(tracer, "select_halos")}:
        places.pop(rule)
    found = {rule: job_costs.rule_of(Path(place)) for rule, place in places.items()}
    expected = {
        rule: place.partition("/")[0] if place.startswith(("figures/", "tables/")) else rule
        for rule, place in places.items()
    }
    assert found == expected

"""The table of costs: a job's peak against its formula and against what it asked for."""

import job_costs
import pandas as pd
import pytest
from lagbias.memory import asked_mb, formula_mb


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
    monkeypatch.setattr(job_costs.jobs, "__defaults__", (tmp_path / "logs",))
    job_costs.main()
    header, _, row, everything = capsys.readouterr().out.splitlines()
    assert header.endswith("| peak MB of one | peak / formula | asked MB | taken |")
    assert row == "| train_network | 2 | 18 | 16 | 1049 | 0.80–1.05 | 1400 | 0.75 |"
    assert everything == "| all | 2 | 18 | 16 | 1049 |  |  |  |"

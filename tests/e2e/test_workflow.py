"""The tiny config from nothing to report.

The workflow runs in a copy of the repository, as a user runs it, once for all processes. Tests that
run more have a copy of it.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import copy_repository
from lagbias.base.stores import open_store, read_netcdf
from lagbias.plan.interface import read
from lagbias.plan.study import Study
from lagbias.plan.wildcards import constraints
from lagbias.tables.claims import write_claims
from lagbias.tables.evaluation import EVALUATED, evaluation_of
from made_boxes import BOX_SIZE, GROUP_SIZES, SIDE, make_box

ROOT = Path(__file__).parents[2]
CORES = "2"
FIT = "results/fits/tiny/N30"

WILDCARDS = constraints(Study(yaml.safe_load((ROOT / "config/test.yaml").read_text())))
CHECKED = (".zarr", ".nc", ".csv")
CONTRACT = [e for e in read()["files"] if e.keys() & {"variables", "columns"}]

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def command(*arguments: str) -> list[str]:
    """As of `make report`, whose scheduler starts no solver."""
    greedy = ["--scheduler", "greedy"]
    return [sys.executable, "-m", "snakemake", "--cores", CORES, *greedy, *arguments]


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, check=False, timeout=1800
    )


def run_all(folder: Path) -> None:
    """Run the tiny config to its end in a copy of the repository."""
    done = snakemake(copy_repository(folder, "test"))
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.fixture(scope="session")
def run(made_once) -> Path:
    """A copy of the repository in which the tiny config has run; tests leave it as it is."""
    return made_once("finished_run", run_all)


@pytest.fixture
def own_run(run, tmp_path) -> Path:
    """A copy of it in which a test may run more."""
    return shutil.copytree(run, tmp_path / "own", symlinks=True)


@pytest.fixture
def config(run) -> dict:
    return yaml.safe_load((run / "config/config.yaml").read_text())


def test_every_figure_table_and_the_report_are_there(run):
    names = ["slices", "spectra_by_scales", "yardsticks", "statistics", "calibration"]
    for name in [*names, "full_against_pc2"]:
        for suffix in ("pdf", "png"):
            figure = run / f"results/figures/tiny_N30_on_tiny_ph003_{name}.{suffix}"
            assert figure.stat().st_size > 5000, figure
    for name in (
        "comparison", "explanation", "losses", "gradient_spectra", "directions", "by_directions",
    ):  # fmt: skip
        for suffix in ("pdf", "png"):
            figure = run / f"results/figures/tiny_N30_{name}.{suffix}"
            assert figure.stat().st_size > 5000, figure
    tables = [
        "headline",
        "claims",
        "comparison",
        "differences",
        "evaluation",
        "directions",
        "angles",
        "filters",
        "biases",
        "statistics",
    ]
    for name in [*tables, "transfer", "on_tiny_ph003_summary"]:
        assert len(pd.read_csv(run / f"results/tables/tiny_N30_{name}.csv")) > 1, name
    assert (run / "results/report.html").stat().st_size > 100_000


def matches(entry: dict, path: str) -> bool:
    """Is a file one that an entry of the contract is of?"""
    parts = re.split(r"\{(\w+)\}", entry["path"])
    parts[1::2] = (f"({WILDCARDS[name]})" for name in parts[1::2])
    parts[::2] = map(re.escape, parts[::2])
    return re.fullmatch("".join(parts), path) is not None


def files_of(entry: dict, folder: Path) -> list[Path]:
    """Files of a run that no other entry matches with fewer wildcards."""
    found = [path for path in folder.rglob("results/**/*") if path.suffix in CHECKED]
    return [
        path
        for path, name in ((path, path.relative_to(folder).as_posix()) for path in found)
        if matches(entry, name)
        and entry
        is min((e for e in CONTRACT if matches(e, name)), key=lambda e: e["path"].count("{"))
    ]


@pytest.mark.parametrize("number", range(len(CONTRACT)), ids=lambda i: CONTRACT[i]["path"])
def test_files_hold_what_the_contract_says(run, number):
    entry = CONTRACT[number]
    files = files_of(entry, run)
    assert files, f"{entry['path']}: the tiny run has none"
    if "columns" in entry:
        for file in files:
            names = [re.sub(r"_k[\d.]+-[\d.]+", "_k{band}", name) for name in pd.read_csv(file)]
            names = list(dict.fromkeys(names))
            expected = entry["columns"]
            if entry.get("more"):
                names = [name for name in names if name in expected]
            assert names == expected, file
        return
    expected = {name: (v["dims"], v.get("units")) for name, v in entry["variables"].items()}
    for file in files:
        data = open_store(file) if file.suffix == ".zarr" else read_netcdf(file)
        found = {
            name: (list(map(str, variable.dims)), variable.attrs.get("units"))
            for name, variable in data.variables.items()
        }
        if entry.get("more"):
            found = {name: found.get(name) for name in expected}
        assert found == expected, file
        assert set(entry.get("attributes", [])) <= set(data.attrs), file


def test_nothing_is_left_to_do(run):
    again = snakemake(run, "-n")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_no_partial_file_is_left(run):
    assert not list(run.rglob("*.part*")) + list(run.rglob("checkpoint.ckpt"))


def test_mean_ratio_is_one_on_the_training_boxes(run, config):
    """<f> = 1 over all particles of the set, the normalisation that training promises."""
    from lagbias.projection.projection import Projection
    from lagbias.training.network import HaloToMassRatio

    folder = run / FIT / "R2-R4"
    network = HaloToMassRatio.load(folder / "seed1/weights.pt")
    total, count = 0.0, 0
    for box in config["training_sets"]["tiny"]["train"]:
        grids = {r: run / f"results/{box}/features/R{r:g}.zarr" for r in (2.0, 4.0)}
        points = open_store(run / f"results/{box}/particles.zarr")["lagrangian_index"].values
        inputs = Projection.read(folder / "projection.nc").at(grids, points)
        with torch.no_grad():
            total += network(torch.from_numpy(inputs)).double().sum().item()
        count += len(points)
    assert total / count == pytest.approx(1, abs=1e-5)


def test_real_results_have_sensible_signs_and_sizes(run):
    """Halos are biased: the network beats matter by far, even on boxes too small to mean much."""
    table = pd.read_csv(run / "results/tables/tiny_N30_on_tiny_ph003_summary.csv")
    table = table.set_index("model")
    assert table.loc["matter", "power_ratio_k0-0.2"] < 0.6
    assert (
        table.loc["R2-R4", "error_over_shot_k0-0.2"] < table.loc["matter", "error_over_shot_k0-0.2"]
    )
    spectra = read_netcdf(run / FIT / "R2-R4/on_tiny_ph003/spectra.nc")
    assert (spectra["correlation"].sel(member="mean") > 0.8).all()
    assert (spectra["power_halo"] > 0).all()
    pca = read_netcdf(run / FIT / "R2-R4/gradient_pca.nc")
    eigenvalue = pca["eigenvalue"].sel(member="mean", version="f").values
    assert (np.diff(eigenvalue) <= 0).all()
    assert eigenvalue[0] / eigenvalue.sum() > 0.5


def test_claims_are_not_decided_by_a_box_without_modes_of_their_band(run):
    """A box of 50 Mpc/h holds no mode below 0.1 h/Mpc."""
    claims = pd.read_csv(run / "results/tables/tiny_N30_claims.csv")
    of_band = claims[~claims["claim"].str.contains("at k = ")]
    assert list(of_band["model"]) == ["R3", "bins-lap-R2"]
    assert list(of_band["verdict"]) == ["not decidable here"] * 2
    assert all((run / file).is_file() for file in claims["file"])


def test_claims_are_read_from_the_files_that_the_rules_write(run, tmp_path, monkeypatch):
    """Files of two scales under names of three, in a band that this small box has."""
    monkeypatch.setattr("lagbias.tables.claims.BAND", (0.0, 0.6))
    spectra = [run / FIT / f"R2-R4{end}/on_tiny_ph003/spectra.nc" for end in ("", "-pc2")]
    evaluation = evaluation_of(spectra, [*EVALUATED, (0.0, 0.6)])
    evaluation["model"] = evaluation["model"].str.replace("R2-R4", "R2-R3-R4")
    evaluation.to_csv(tmp_path / "evaluation.csv", index=False)
    pca = {"R2-R3-R4": run / FIT / "R2-R4/gradient_pca.nc"}
    tables = [run / f"results/tables/tiny_N30_{name}.csv" for name in ("angles", "filters")]
    made = [tmp_path / f"{name}.csv" for name in ("evaluation", "claims", "verdicts")]
    write_claims(made[0], pca, {}, *tables, *made[1:], trained_on=3)
    claims = pd.read_csv(tmp_path / "claims.csv")
    assert list(claims["model"]) == ["R2-R3-R4", "R2-R3-R4", "R2-R3-R4-pc2"]
    assert np.isfinite(claims[["measured", "interval"]]).all(axis=None), claims
    eigenvalue = read_netcdf(pca["R2-R3-R4"])["eigenvalue"].sel(version="f")
    share = eigenvalue[:, :2].sum("direction") / eigenvalue.sum("direction")
    expected = share.sel(member=["seed1", "seed2"]).mean()
    assert claims["measured"][1] == pytest.approx(float(expected), rel=1e-3)


def test_transfers_are_told_beside_the_model_on_its_own(run):
    """Another redshift, another cosmology, other halos: what breaks has the sign it must have."""
    table = pd.read_csv(run / "results/tables/tiny_N30_transfer.csv")
    columns = ["model", "fitted_to", "box", "redshift", "cosmology", "against"]
    own_box = ("tiny_ph003", 0.5, "c000")
    rows = [
        ("N30", *own_box, "N30"), ("N30", "tiny_z1_c001", 1.0, "c001", "N30"),
        ("N30", *own_box, "N60"), ("N60", *own_box, "N60"),
        ("N30", *own_box, "N30-number"), ("N30", *own_box, "N30-galaxies"),
    ]  # fmt: skip
    expected = [(model, *row) for model in ("R2-R4", "poly-R3") for row in rows]
    assert list(table[columns].itertuples(index=False, name=None)) == expected
    # Of the polynomial, which is fitted: three epochs do not train a network out.
    own, other, heavier = (table.iloc[number] for number in range(len(rows), len(rows) + 3))
    # Earlier, and with lower fluctuations, less of the matter is in halos, and the model sees it.
    assert other["expected_mean_ratio"] < 0.8 * own["expected_mean_ratio"]
    assert other["mean_ratio"] < 0.9 * own["mean_ratio"]
    # Heavier halos are more biased, and this model is not of them.
    assert heavier["power_ratio_k0-0.2"] < own["power_ratio_k0-0.2"]
    assert heavier["mean_ratio"] == own["mean_ratio"]


def test_models_of_every_tracer_are_in_one_table(run):
    table = pd.read_csv(run / "results/tables/tiny_tracers.csv")
    models = ["linear", "poly-R3", "R2-R4", "R2-R4-pc2"]
    expected = [(tracer, model) for tracer in ("N30", "N60") for model in models]
    assert list(table[["tracer", "model"]].itertuples(index=False, name=None)) == expected
    comparison = pd.read_csv(run / "results/tables/tiny_N30_comparison.csv").set_index("model")
    of_lower_cut = table[table["tracer"] == "N30"].set_index("model")
    pd.testing.assert_frame_equal(comparison.loc[models], of_lower_cut[comparison.columns])


def test_statistics_of_the_table_are_those_of_the_spectra(run):
    table = pd.read_csv(run / "results/tables/tiny_N30_statistics.csv")
    comparison = pd.read_csv(run / "results/tables/tiny_N30_comparison.csv").set_index("model")
    found = table.set_index(["model", "statistic", "where"])
    for model in table["model"].unique():
        ratio = found.loc[(model, "power_ratio", "k 0.1-0.3")]
        expected = comparison.loc[model, "power_ratio_k0.1-0.3"]
        assert ratio["mean"] == pytest.approx(expected, rel=1e-3), model
        assert ratio["jackknife_error"] > 0
    assert "quadrupole_excess_over_monopole" in set(table["statistic"])


def test_a_box_of_another_redshift_and_cosmology_says_so(run):
    store = open_store(run / "results/tiny_z1_c001/halos/N30.zarr")
    features = open_store(run / "results/tiny_z1_c001/features/R4.zarr")
    own = open_store(run / "results/tiny_ph003/halos/N30.zarr")
    assert store.attrs["redshift"] == features.attrs["redshift"] == 1
    # 0.2761 and 0.3152: Omega_M of c001 and c000.
    ratio = store.attrs["particle_mass"] / own.attrs["particle_mass"]
    assert ratio == pytest.approx(0.2761 / 0.3152, rel=1e-3)
    assert (run / "resources/tiny_z1_c001/halos/z1.000/halo_info").is_dir()


def test_stores_open_with_named_dimensions_and_units(run):
    features = open_store(run / "results/tiny_ph000/features/R2.zarr")
    assert features["delta"].dims == ("x", "y", "z")
    assert features["laplacian"].attrs["units"] == "(h/Mpc)^2"
    assert features.attrs["smoothing_scale"] == 2
    assert features.attrs["simulation"] == "tiny_ph000"


def find_chromium() -> str | None:
    return next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium on PATH to open the report with"
)
# Sorts every column of numbers both ways and counts those that come out in order.
SORTS = """<script>
const sorted = [];
for (const title of document.querySelectorAll("#front .sortable th.number"))
  for (const sign of [1, -1]) {
    title.querySelector("button").click();
    const rows = [...title.closest("table").tBodies[0].rows];
    const all = rows.map(row => row.cells[title.cellIndex].dataset.number);
    const said = all.filter(text => text !== "");
    const inOrder = said.every((text, i) => !i || sign * (text - said[i - 1]) >= 0);
    sorted.push(inOrder && all.slice(said.length).every(text => text === ""));
  }
document.title = `${sorted.filter(found => found).length} of ${sorted.length} sorted`;
</script></body>"""


def opened(page: Path, folder: Path) -> subprocess.CompletedProcess:
    """What Chromium makes of a page, and says of it."""
    return subprocess.run(
        [
            find_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={folder}", "--enable-logging=stderr", "--v=0",
            "--virtual-time-budget=10000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@needs_chromium
def test_report_opens_in_a_browser_with_every_figure_and_no_error(run, tmp_path):
    done = opened(run / "results/report.html", tmp_path)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not [line for line in console if re.search("error", line, re.I)], console
    menu = re.search("<nav class=.*?<script", done.stdout, flags=re.S)
    assert menu, "Snakemake's own report did not render its menu"
    assert "0. Summary" in menu[0]
    source = (run / "results/report.html").read_text()
    results = json.loads(re.search(r"var results = (\{.*?\});?\n", source, flags=re.S)[1])
    figures = [name for name in json.dumps(results).split('"') if name.endswith(".png")]
    assert len(set(figures)) >= 7, sorted(set(figures))


@needs_chromium
def test_report_opens_with_a_figure_three_numbers_and_a_sentence_a_claim(run, tmp_path):
    front = opened(run / "results/report.html", tmp_path).stdout.partition('id="app"')[0]
    claims = pd.read_csv(run / "results/tables/tiny_N30_verdicts.csv")["claim"].nunique()
    assert front.count("<li>") == claims
    assert front.count("<b>") == claims + 3
    assert re.search(r'<img data-result="[^"]*spectra_by_scales\.png"[^>]*src="data:image', front)
    # Verdicts are the sentences; the evaluation table is for programs, of thousands of lines.
    left_out = {f"tiny_N30_{name}.csv" for name in ("verdicts", "evaluation")}
    tables = {path.name for path in run.glob("results/tables/*.csv")} - left_out
    assert front.count('class="sortable"') == len(tables)


@needs_chromium
def test_columns_of_numbers_sort_by_number(run, tmp_path):
    before, _, after = (run / "results/report.html").read_text().rpartition("</body>")
    page = tmp_path / "sorting.html"
    page.write_text(before + SORTS + after)
    done, total = re.search(r"<title>(\d+) of (\d+) sorted", opened(page, tmp_path).stdout).groups()
    assert done == total
    assert int(total) > 20


def test_a_yardstick_from_elsewhere_is_fitted_and_judged_as_others_are(own_run, config):
    """A class in the folder of the run and a line of the config; the repository is as it was."""
    shutil.copy(ROOT / "docs/how-to/my_yardsticks.py", own_run)
    config["own_yardsticks"] = {"straight": {"basis": "my_yardsticks.py:Straight", "label": "f(δ)"}}
    config["yardsticks"].append("straight-R3")
    (own_run / "own.yaml").write_text(yaml.safe_dump(config))
    target = f"{FIT}/straight-R3/on_tiny_ph003/spectra.nc"
    done = snakemake(own_run, "--configfile", "own.yaml", "--", target)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    jobs = set(re.findall(r"Finished jobid.*Rule: (\w+)", done.stdout + done.stderr))
    assert jobs == {"fit_lagrangian_bias", "predict_lagrangian_bias", "compare_spectra"}
    found = read_netcdf(own_run / FIT / "straight-R3/coefficients.nc")
    constant, slope = found["coefficient"].values
    assert slope > 0
    assert constant == pytest.approx(1, abs=0.2)
    spectra = read_netcdf(own_run / target)
    assert (spectra["correlation"].isel(member=0) > 0.5).all()
    done = snakemake(own_run, "--configfile", "own.yaml", "--", "results/report.html")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "f(δ), R" in (own_run / "results/report.html").read_text(encoding="utf-8")


def test_a_box_in_a_format_from_elsewhere_is_read(tmp_path):
    """The class that the docs show, in the folder of the run; the repository is as it was."""
    made = make_box()
    shutil.copy(ROOT / "docs/how-to/my_format.py", tmp_path)
    np.savez(
        tmp_path / "particles.npz", position=made.position - BOX_SIZE / 2,
        lattice_index=made.lattice_index, halo_position=made.halo_position - BOX_SIZE / 2,
        halo_particles=np.array(GROUP_SIZES),
    )  # fmt: skip
    config = yaml.safe_load((ROOT / "config/test.yaml").read_text())
    boxes = dict(train="first", validate="second", test="elsewhere")
    for name in boxes.values():
        np.save(tmp_path / f"{name}.npy", made.density.astype(np.float32))
    config["simulations"] = {
        name: {
            "source": "my_format.py:NumpyBox", "root": ".", "box_size": BOX_SIZE,
            "particles_per_side": SIDE, "lacks": ["velocities", "members"],
            "files": {"initial": f"{name}.npy", "particles": "particles.npz"},
        }
        for name in boxes.values()
    }  # fmt: skip
    config |= {
        "training_sets": {"set": {part: [name] for part, name in boxes.items()}},
        "mesh": {"cell_size": 6, "evaluation_cell_size": 3}, "yardsticks": ["linear"],
        "transfers": {}, "variants": {}, "more_networks": [],
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    targets = [
        "results/elsewhere/features/R2.zarr", "results/elsewhere/particles.zarr",
        "results/elsewhere/halos/N20.zarr", "results/elsewhere/matter.zarr",
    ]  # fmt: skip
    options = ("--snakefile", str(ROOT / "Snakefile"), "--configfile", "own.yaml", "--")
    done = snakemake(tmp_path, *options, *targets)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert open_store(tmp_path / targets[2]).attrs["simulation"] == "elsewhere"
    np.testing.assert_array_equal(
        open_store(tmp_path / targets[2])["particle_count"], [60, 40, 30, 21]
    )
    assert len(open_store(tmp_path / targets[1])["final_cell"]) == SIDE**3


@pytest.mark.parametrize("network", ["R2-R4", "R2-R4-pc2"])
def test_model_file_gives_the_field_of_the_prediction_bit_for_bit(run, network):
    import lagbias
    from lagbias.evaluation.prediction import occupied
    from lagbias.halos.particles import Particles
    from lagbias.simulations.abacus.reader import read_linear_density

    density, box_size = read_linear_density(
        run / "resources/ic/tiny_ph003/ic_dens_N48.asdf", redshift=0.5
    )
    particles = Particles.read(run / "results/tiny_ph003/particles.zarr")
    model = lagbias.load(run / f"results/models/tiny_N30_{network}.safetensors")
    where = occupied(particles).reshape(density.shape)
    ratio = model.ratio(density, box_size, where=where)
    position = particles.positions(slice(None))
    expected = open_store(run / FIT / network / "on_tiny_ph003/prediction.zarr")["overdensity"]
    found = model.paint(ratio, position, particles.lagrangian_index, grid=expected.sizes["x"])
    np.testing.assert_array_equal(found, expected[-1])

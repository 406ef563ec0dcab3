"""One self-contained HTML report: a front page, and Snakemake's own report behind it."""


rule make_report:
    input:
        figures=figures(study),
        tables=tables(study),
        verdicts=verdicts(study),
        template=of_repository(ROOT / "workflow/report/front_page.html.jinja2"),
        captions=sorted(map(of_repository, (ROOT / "workflow/report").glob("*.rst"))),
    output:
        "results/report.html",
    log:
        "logs/make_report.log",
    benchmark:
        "logs/make_report.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("make_report"),
        config=config,
        snakefile=of_repository(ROOT / "Snakefile"),
        targets=[*figures(study), *tables(study)],
    message:
        "Report: one self-contained HTML file"
    script:
        "../scripts/make_report.py"

"""`gvi-eval cite`: the software, and whoever published the figures."""

import click

from gvi_eval.verbs.terminal import found, print_json


@click.command(short_help="Print how to cite the software and the figures of a study.")
@click.argument("study", required=False)
@click.option("--bibtex", "as_bibtex", is_flag=True, help="As BibTeX entries.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def cite(study: str | None, as_bibtex: bool, as_json: bool) -> None:
    """Print the citation of gvi_eval and, of a STUDY, those of its tables."""
    from gvi_eval.citing import bibtex, citations_of, software_citation
    from gvi_eval.plan import SYNTHESIS, find_study

    software = software_citation()
    data = []
    if study:
        file = found(find_study, study)
        if file.name == SYNTHESIS:
            raise click.UsageError(f"'{study}' is a synthesis; cite the studies that it names")
        data = citations_of(file)
    if as_json:
        print_json({"software": software, "data": data})
    elif as_bibtex:
        entries = [bibtex(line, f"figures{place}") for place, line in enumerate(data, start=1)]
        click.echo("\n\n".join([bibtex(software, "gvi_eval"), *entries]))
    else:
        click.echo("\n".join([software, *data]))

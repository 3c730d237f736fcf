"""`gvi-eval protect`: a table of counts about people, made safe to publish."""

from pathlib import Path

import click


@click.command(short_help="Suppress small counts so that no total gives them back.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--profile", required=True, help="public_official, dk_micro, se_restricted or uk_tre.")
@click.option("--threshold", type=click.IntRange(1), help="The smallest count that may be shown, for se_restricted.")
@click.option("--rows", default="unit", show_default=True, help="The column that becomes the rows.")
@click.option("--columns", default="period_start", show_default=True, help="The column that becomes the columns.")
@click.option("--measure", help="The measure, where the table holds several.")
def protect(path: Path, profile: str, threshold: int | None, rows: str, columns: str, measure: str | None) -> None:
    """Print the counts of PATH, a table of counts, as rows and columns with their totals, protected under a profile."""
    import pandas as pd

    from gvi_eval.disclosure import profile_named
    from gvi_eval.disclosure import protect as protected
    from gvi_eval.errors import DataError
    from gvi_eval.tables import read_table
    from gvi_eval.writing import csv_bytes

    wanted = profile_named(profile, threshold)
    table = read_table(path, "counts")
    for name in (rows, columns):
        if name not in table:
            raise DataError(f"{path.name} has no column '{name}'; its columns are {', '.join(table)}")
    if measure:
        table = table[table["measure"] == measure]
    if table.empty or table["measure"].nunique() > 1:
        raise DataError(f"{path.name} holds {', '.join(table['measure'].unique()) or 'none such'}; name one with --measure")
    if table.duplicated([rows, columns]).any():
        raise DataError(f"{path.name} has several figures for one {rows} and {columns}; choose columns that tell them apart")
    wide = table.pivot(index=rows, columns=columns, values="value")
    wide.columns = [str(name.date()) if isinstance(name, pd.Timestamp) else str(name) for name in wide.columns]
    made = protected(wide, wanted)
    click.echo(csv_bytes(made.shown.rename_axis(rows).reset_index()).decode(), nl=False)
    click.echo(f"{made.sentence} ({wanted.name}: {wanted.why})", err=True)

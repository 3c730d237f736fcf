"""Where the files live that the package needs at run time: schemas, templates and words."""

from importlib.resources import files
from pathlib import Path

from gvi_eval.errors import DataError

CHECKOUT = Path(__file__).resolve().parents[1]


def resource(name: str) -> Path:
    """The path of a packaged file such as ``data_schemas/counts.schema.json``.

    A checkout is looked at first, then the installed wheel, where ``data_schemas`` lies inside
    the package. Raises `DataError` when neither holds the file.
    """
    for root in (CHECKOUT, Path(str(files("gvi_eval")))):
        path = root / name
        if path.exists():
            return path
    raise DataError(f"the packaged file '{name}' is missing; reinstall gvi-eval, for example with 'make reproduce'")

"""Two studies of the same towns, and the words of a synthesis that sets them side by side or pools them."""

from pathlib import Path

HEAD = """
name = "both"
title = "Two towns"
question = "Did shots fall more in one than in the other?"
limits = ["The towns are made up."]
"""


def synthesis(towns: dict[str, Path], text: str) -> Path:
    file = towns["folder"] / "synthesis.toml"
    for name in ("town", "village"):
        text = text.replace(f"<{name}>", str(towns[name]))
    file.write_text(HEAD + text, encoding="utf-8")
    return file


def compared(one: str = "level + trend", other: str = "level + trend", months: int = 12) -> str:
    return f"""
horizon_months = {months}

[[comparisons]]
name = "shots"
one = {{ place = "Town", study = "<town>", specification = "{one}" }}
other = {{ place = "Village", study = "<village>", specification = "{other}" }}
main = true
"""


def pooling(*places: str, outcome: str = "reported shots") -> str:
    return f"""
[[poolings]]
name = "towns"
outcome = "{outcome}"
places = [{", ".join(places)}]
"""


def of(place: str, study: str = "<town>", specification: str = "level") -> str:
    return f'{{ place = "{place}", study = "{study}", specification = "{specification}" }}'

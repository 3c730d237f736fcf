"""The published figures in `analyses/data`: nothing lost, every source named, every known trap still visible."""

import copy
import csv
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from gvi_eval.tables import check_path, load_package, read_origin, read_table

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "analyses" / "data"
SCHEMAS = ROOT / "data_schemas"
DESCRIPTOR = json.loads((SCHEMAS / "datapackage.json").read_text(encoding="utf-8"))
NAMES = [resource["path"].removesuffix(".csv") for resource in DESCRIPTOR["resources"]]
COUNTS = [
    resource["path"].removesuffix(".csv") for resource in DESCRIPTOR["resources"] if resource["schema"] == "counts.schema.json"
]

# Rows, and the sum of the column of figures, counted once on the publications as they were transcribed.
TOTALS = {
    "compiled_denmark/citizen_facing_crime": (11, 526.1),
    "compiled_denmark/gang_harm": (19, 443),
    "compiled_denmark/gang_harm_windows": (5, 98),
    "compiled_denmark/gang_members": (50, 36_396),
    "compiled_denmark/gang_shootings": (12, 470),
    "compiled_denmark/gang_shootings_windows": (36, 3_343),
    "compiled_denmark/indicators": (24, 472.7),
    "compiled_denmark/safety_survey": (55, 1_605.6),
    "compiled_denmark/weapons_act_charges": (6, 2_024),
    "compiled_literature/effects_focused_deterrence": (50, -1_055.393),
    "compiled_sweden/counts_annual": (205, 13_340),
    "compiled_sweden/counts_part_period": (174, 11_197),
    "compiled_sweden/population": (16, 100_393_041),
    "fbi_ucr/homicides_annual": (2_754, 343_961),
    "fbi_ucr/population_annual": (2_754, 2_193_294_093),
    "piehl_cooper_braga_kennedy_2003/homicides_monthly": (154, 466),
    "piehl_cooper_braga_kennedy_2003/population_monthly": (77, 17_601_211.916667),
    "polismyndigheten/national_monthly": (324, 3_262),
    "polismyndigheten/national_monthly_vintages_2021": (144, 1_720),
    "statistics_denmark/population_1_january": (710, 110_650_443),
    "statistics_denmark/straf11_quarterly": (11_360, 1_490_720),
}
ROWS = {
    "compiled_claims/claims": 84,
    "compiled_denmark/interventions": 47,
    "compiled_literature/programme_dates": 19,
    "compiled_sweden/interventions": 27,
    "compiled_sweden/rollout": 6,
    "statistics_denmark/areas": 71,
}
FIGURES = ("value", "population", "baseline_value", "effect")
POLICE_DISTRICT = ["Dragør", "Frederiksberg", "København", "Tårnby"]


@pytest.fixture(scope="module")
def tables():
    package = load_package()
    return {
        table.path.relative_to(DATA).as_posix().removesuffix(".csv"): read_table(table.path, table.schema)
        for table in package.tables
    }


def chosen(table, **cells):
    """The rows of a table in which every named column holds the given value."""
    for column, value in cells.items():
        table = table[table[column] == (pd.Timestamp(value) if column in ("period_start", "period_end") else value)]
    return table


def values(table, **cells):
    return sorted(chosen(table, **cells)["value"])


def notes(name):
    return " ".join(read_origin(DATA / f"{name}.csv").notes)


def year(number):
    return {"period_start": f"{number}-01-01", "period_end": f"{number}-12-31"}


def quarters(table, measure):
    """One measure of STRAF11 as offences by quarter and area."""
    wide = chosen(table, measure=measure).pivot(index="period_start", columns="unit", values="value")
    return wide.set_axis(pd.PeriodIndex(wide.index, freq="Q").astype(str), axis="index")


# The files


def test_every_table_keeps_its_contract():
    report = check_path(SCHEMAS / "datapackage.json")
    assert [str(one) for one in report.violations] == []
    assert [str(one) for one in report.disclosures] == []


def test_the_package_lists_every_table_once():
    listed = [resource["path"] for resource in DESCRIPTOR["resources"]]
    assert listed == sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.csv"))
    assert len({resource["name"] for resource in DESCRIPTOR["resources"]}) == len(listed)


def test_the_package_knows_the_bytes():
    for resource in DESCRIPTOR["resources"]:
        content = (DATA / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}", resource["path"]
        assert resource["bytes"] == len(content), resource["path"]


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_its_origin(name):
    origin = read_origin(DATA / f"{name}.csv")
    assert origin.title and origin.publisher and origin.licence and origin.urls and origin.notes
    assert origin.sha256 == hashlib.sha256((DATA / f"{name}.csv").read_bytes()).hexdigest()


def test_origin_records_are_not_orphans():
    tables = {path.with_suffix("") for path in DATA.rglob("*.csv")}
    assert {Path(str(path).removesuffix(".origin.toml")) for path in DATA.rglob("*.origin.toml")} == tables


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_written_one_way(name):
    content = (DATA / f"{name}.csv").read_bytes()
    assert b"\r" not in content and not content.startswith(b"\xef\xbb\xbf") and content.endswith(b"\n")
    assert all(cell == cell.strip() for row in csv.reader(content.decode("utf-8").splitlines()) for cell in row)


@pytest.mark.filterwarnings("ignore")
def test_frictionless_agrees():
    """Paths are relative to analyses/data and schemas lie elsewhere, so the schemas are put into the descriptor."""
    from frictionless import Package

    descriptor = copy.deepcopy(DESCRIPTOR)
    for resource in descriptor["resources"]:
        resource["schema"] = json.loads((SCHEMAS / resource["schema"]).read_text(encoding="utf-8"))
    report = Package.from_descriptor(descriptor, basepath=str(DATA)).validate()
    assert report.flatten(["name", "rowNumber", "fieldName", "message"]) == []


def test_every_field_says_what_it_holds():
    for path in SCHEMAS.glob("*.schema.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        for field in schema.get("fields", []):
            assert field.get("description"), f"{path.name}: {field['name']}"


# Nothing lost


def test_every_table_is_accounted_for():
    assert {*TOTALS, *ROWS, "definitions", "sources"} == set(NAMES)


@pytest.mark.parametrize("name", TOTALS)
def test_figures_are_conserved(tables, name):
    table = tables[name]
    column = next(column for column in FIGURES if column in table.columns)
    assert (len(table), float(table[column].sum())) == pytest.approx(TOTALS[name], abs=1e-6)


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_conserved(tables, name):
    assert len(tables[name]) == ROWS[name]


def test_the_four_series_of_straf11_are_conserved(tables):
    sums = tables["statistics_denmark/straf11_quarterly"].groupby("measure")["value"].sum().to_dict()
    assert sums == {"violence": 501_603, "weapons_act": 213_357, "burglary_dwellings": 389_055, "shoplifting": 386_705}


def test_boston_has_213_young_and_253_older_victims(tables):
    sums = tables["piehl_cooper_braga_kennedy_2003/homicides_monthly"].groupby("measure")["value"].sum().to_dict()
    assert sums == {"youth_homicides": 213, "adult_homicides": 253}


# Definitions and sources


@pytest.mark.parametrize(("column", "listed"), [("definition", "definitions"), ("source", "sources")])
def test_every_listed_id_is_used(tables, column, listed):
    used = {name for table in tables.values() if column in table.columns for name in table[column]}
    assert used == set(tables[listed]["id"])


@pytest.mark.parametrize("name", COUNTS)
def test_counts_agree_with_their_definitions(tables, name):
    joined = tables[name].merge(tables["definitions"], left_on="definition", right_on="id", suffixes=("", "_defined"))
    assert (joined["measure"] == joined["measure_defined"]).all()
    assert (joined["counting_scope"] == joined["counting_scope_defined"]).all()


# Malmö


def test_malmo_is_complete_from_2016_to_2023(tables):
    annual = tables["compiled_sweden/counts_annual"]
    confirmed = chosen(annual, unit="Malmö", measure="shootings", counting_scope="confirmed")
    official = confirmed[confirmed["source"].str.match("malmo-stad|polismyndigheten")]
    assert official.groupby(official["period_start"].dt.year)["value"].unique().map(list).to_dict() == {
        2016: [61], 2017: [65], 2018: [47], 2019: [34], 2020: [20], 2021: [21], 2022: [29], 2023: [40]
    }  # fmt: skip


def test_the_change_of_definition_is_visible(tables):
    part = tables["compiled_sweden/counts_part_period"]
    ten_months = chosen(part, unit="Malmö", measure="shootings", period_start="2017-01-01", period_end="2017-11-01")
    assert ten_months.set_index("counting_scope")["value"].to_dict() == {"wide": 123, "confirmed": 57}
    assert ten_months["definition"].nunique() == 2
    assert (chosen(part, counting_scope="wide")["value"] == 123).all()
    change = chosen(tables["compiled_sweden/interventions"], kind="recording_change", unit="Malmö").iloc[0]
    assert change["date_earliest"] == change["date_latest"] == pd.Timestamp("2017-11-01")


def test_2018_is_a_mixed_year(tables):
    to_october = chosen(
        tables["compiled_sweden/counts_part_period"], unit="Malmö", measure="shootings", period_end="2018-10-17"
    )
    assert list(to_october["value"]) == [29]
    assert to_october["note"].str.startswith("preliminary").all()
    first = tables["compiled_sweden/interventions"].query("event.str.startswith('First call-in')").iloc[0]
    assert (first["date_earliest"], first["date_latest"]) == (pd.Timestamp("2018-10-01"), pd.Timestamp("2018-10-31"))
    assert (first["kind"], first["date_precision"]) == ("treatment", "month")


def test_conflicting_figures_stand_side_by_side(tables):
    malmo = chosen(tables["compiled_sweden/counts_annual"], unit="Malmö")
    assert set(values(malmo, measure="injured", **year(2018))) == {14, 23}
    assert set(values(malmo, measure="injured", **year(2016))) == {31, 62}
    assert set(values(malmo, measure="injured", **year(2017))) == {35, 58}
    assert set(values(malmo, measure="explosions", **year(2017))) == {58, 62}
    assert set(values(malmo, measure="shootings", **year(2022))) == {27, 29}
    to_december = chosen(
        tables["compiled_sweden/counts_part_period"], unit="Malmö", measure="shootings", period_end="2022-12-23"
    )
    assert list(to_december["value"]) == [28]


def test_part_years_carry_their_days(tables):
    part = chosen(tables["compiled_sweden/counts_part_period"], unit="Malmö", measure="shootings")
    ends = {"2020-05-12": 4, "2020-06-12": 5, "2020-08-10": 9, "2024-06-12": 8}
    assert {end: values(part, period_end=end) for end in ends} == {end: [count] for end, count in ends.items()}
    claims = tables["compiled_claims/claims"].set_index("id")
    assert claims.loc["SE07", ["value", "followup"]].tolist() == ["5 vs 34 vs 47", "2020 to 12 June"]
    assert claims.loc["SE28", ["value", "followup"]].tolist() == ["8 vs 40", "2024 to mid-June"]


def test_before_and_after_of_the_evaluation_have_open_bounds(tables):
    part = chosen(tables["compiled_sweden/counts_part_period"], definition="ivert-mellgren-shootings").sort_values("value")
    assert part["value"].tolist() == [52, 97]
    assert part["period_start"].isna().tolist() == [True, False]
    assert part["period_end"].isna().tolist() == [False, True]
    assert set(part["measure"]) == {"shootings"} and set(part["counting_scope"]) == {"confirmed"}


def test_october_2019_has_no_point(tables):
    part = chosen(tables["compiled_sweden/counts_part_period"], unit="Malmö", measure="shootings", period_start="2019-01-01")
    ends = {end.date().isoformat() for end in part["period_end"]}
    assert "2019-10-31" not in ends and "2019-11-11" in ends
    rimfrost = tables["compiled_sweden/interventions"].query("event.str.contains('Rimfrost') and event.str.contains('decided')")
    assert rimfrost["date_earliest"].tolist() == [pd.Timestamp("2019-11-10")]


def test_an_extreme_day_is_one_day(tables):
    day = chosen(tables["compiled_sweden/counts_part_period"], unit="Malmö", period_start="2018-11-08", period_end="2018-11-08")
    assert day["value"].tolist() == [4]
    assert "picked after the fact" in notes("compiled_sweden/counts_part_period")


def test_co_events_are_dated(tables):
    events = tables["compiled_sweden/interventions"].set_index("event")
    starts = {
        "Gross weapons and explosives offences": "2018-01-01",
        "National special event decided": "2019-11-10",
        "Rimfrost national special event ends": "2020-06-12",
        "COVID-19 period begins": "2020-03-01",
        "EncroChat": "2020-01-01",
    }
    for words, day in starts.items():
        assert events[events.index.str.contains(words)]["date_earliest"].min() == pd.Timestamp(day), words


# Sweden


def test_august_2021_was_revised_twice(tables):
    months = chosen(tables["polismyndigheten/national_monthly_vintages_2021"], measure="shootings", period_start="2021-08-01")
    assert months.sort_values("vintage")["value"].tolist() == [38, 41, 43]
    assert months["vintage"].is_unique and months["source"].is_unique


def test_december_2021_is_a_part_month(tables):
    last = chosen(tables["polismyndigheten/national_monthly"], period_start="2021-12-01")
    assert set(last["period_end"]) == {pd.Timestamp("2021-12-15")}
    assert last["note"].str.contains("approximate").all()
    others = tables["polismyndigheten/national_monthly"].drop(last.index)
    assert (others["period_end"].dt.is_month_end).all()


def test_the_nation_contains_malmo():
    for name in ("national_monthly", "national_monthly_vintages_2021"):
        assert "contains Malmö" in notes(f"polismyndigheten/{name}")


def test_swedish_donors_are_contaminated_from_known_days(tables):
    places = tables["compiled_sweden/rollout"].set_index("unit")
    starts = places["start_earliest"].dt.strftime("%Y-%m-%d").to_dict()
    assert pd.isna(starts.pop("Uppsala"))
    assert starts == {
        "Malmö": "2018-10-01",
        "Örebro": "2022-09-01",
        "Järfälla and Upplands-Bro": "2023-04-01",
        "Göteborg": "2023-05-16",
        "Huddinge": "2023-09-01",
    }


# Denmark


def test_official_and_press_counts_differ_by_definition(tables):
    windows = chosen(
        tables["compiled_denmark/gang_shootings_windows"],
        measure="shootings",
        period_start="2016-01-01",
        period_end="2021-12-31",
    )
    assert windows.set_index("counting_scope")["value"].to_dict() == {"gang_related": 308, "all_unlawful": 448}
    assert windows.set_index("counter")["value"].to_dict() == {"police": 308, "media": 448}
    in_2021 = chosen(tables["compiled_denmark/gang_shootings"], **year(2021))
    assert in_2021.set_index("counting_scope")["value"].to_dict() == {"gang_related": 33, "all_unlawful": 48}


def test_straf11_is_called_a_proxy(tables):
    breaks = tables["definitions"].set_index("id")["breaks"]
    assert "proxy" in breaks["straf11-violence"] and "proxy" in breaks["straf11-weapons-act"]


@pytest.mark.parametrize(
    ("area", "quarter", "offences", "usual"),
    [
        ("Gladsaxe", "2022Q2", 476, 71),
        ("Aalborg", "2022Q2", 710, 200),
        ("Brøndby", "2022Q2", 243, 63),
        ("Odense", "2019Q4", 434, 253),
    ],
)
def test_mass_registrations_stand_out(tables, area, quarter, offences, usual):
    violence = quarters(tables["statistics_denmark/straf11_quarterly"], "violence")[area]
    place = violence.index.get_loc(quarter)
    assert violence.iloc[place] == violence.max() == offences
    assert violence.iloc[place - 2 : place + 3].median() == usual


def test_copenhagens_highest_quarters_are_at_the_launch(tables):
    violence = quarters(tables["statistics_denmark/straf11_quarterly"], "violence")
    assert violence["København"].nlargest(2).to_dict() == {"2022Q2": 1332, "2022Q3": 1287}
    assert violence[POLICE_DISTRICT].sum(axis="columns").nlargest(2).to_dict() == {"2022Q2": 1498, "2022Q3": 1458}
    mall = tables["compiled_denmark/interventions"].query("event.str.contains('mall mass shooting')")
    assert mall["date_earliest"].tolist() == [pd.Timestamp("2022-07-03")]


def test_national_recording_shifts(tables):
    table = tables["statistics_denmark/straf11_quarterly"]
    violence = quarters(table, "violence")["Denmark"]
    assert (violence["2017Q1"], violence["2017Q2"]) == (5400, 6638)
    weapons = quarters(table, "weapons_act")["Denmark"].groupby(lambda quarter: quarter[:4]).sum()
    assert weapons.loc["2017":"2019"].tolist() == [8004, 15219, 18774]


def test_the_police_district_is_four_municipalities(tables):
    areas = tables["statistics_denmark/areas"]
    district = areas[areas["police_district"] == "Copenhagen Police District"]
    assert dict(zip(district["unit"], district["code"], strict=True)) == {
        "København": "101", "Frederiksberg": "147", "Dragør": "155", "Tårnby": "185"
    }  # fmt: skip
    offences = chosen(tables["statistics_denmark/straf11_quarterly"], measure="violence")
    assert offences[offences["unit"].isin(district["unit"])]["value"].sum() == 46_332
    assert set(areas["unit"]) == set(offences["unit"]) == set(tables["statistics_denmark/population_1_january"]["unit"])


def test_the_launch_is_an_interval(tables):
    launch = tables["compiled_denmark/interventions"].query("event.str.startswith('Forenet mod vold announced')").iloc[0]
    assert launch["date_earliest"] == pd.Timestamp("2022-01-01") and pd.isna(launch["date_latest"])
    assert (launch["kind"], launch["unit"]) == ("treatment", "Copenhagen Police District")
    assert "2022Q1-2023Q1" in notes("compiled_denmark/interventions")


def test_no_danish_area_is_a_clean_control(tables):
    events = chosen(tables["compiled_denmark/interventions"], kind="contamination")
    assert {unit.split(" ")[0] for unit in events["unit"]} == {"Vestegn", "Odense", "Aarhus", "Aalborg"}


def test_outer_norrebros_baseline_is_an_outlier(tables):
    unsafe = chosen(tables["compiled_denmark/safety_survey"], unit="Ydre Nørrebro", measure="unsafe_neighbourhood_pct")
    by_year = unsafe.set_index(unsafe["period_start"].dt.year)["value"].to_dict()
    assert [by_year[number] for number in (2016, 2017, 2018)] == [14, 8, 23]
    plan = tables["compiled_denmark/indicators"]
    assert chosen(plan, geography="Ydre Nørrebro", unit="percent")["baseline_value"].tolist() == [8]


def test_the_register_is_kept_by_the_programme(tables):
    breaks = tables["definitions"].set_index("id")["breaks"]
    assert "pruned" in breaks["registered-members-total"]
    district = chosen(
        tables["compiled_denmark/gang_members"], unit="Copenhagen Police District", measure="registered_members_total"
    )
    assert district["value"].tolist() == [290]


# United States


def test_missing_agency_years_are_missing(tables):
    homicides = tables["fbi_ucr/homicides_annual"]
    assert homicides["unit"].nunique() == 68
    years = homicides.groupby("unit")["period_start"].agg(lambda starts: set(range(1975, 2016)) - set(starts.dt.year))
    gaps = years[years.map(len) > 0].to_dict()
    assert gaps == {
        "Baltimore County, Md.": {2015},
        "Cincinnati": {1997, 1998},
        "Cleveland": {2015},
        "Louisville, Ky.": set(range(1975, 2003)),
        "Portland, Ore.": {2015},
        "Tampa, Fla.": {1988},
    }


def test_months_reported_are_as_published(tables):
    homicides = tables["fbi_ucr/homicides_annual"].assign(year=lambda table: table["period_start"].dt.year)
    by_agency = homicides.set_index(["unit", "year"])
    assert by_agency.loc[("New Orleans", 2005), ["value", "months_reported"]].tolist() == [138, 6]
    for agency, number, count in [("Oakland, Calif.", 1995, 138), ("Chicago", 1984, 741), ("Baltimore", 1999, 305)]:
        assert by_agency.loc[(agency, number), ["value", "months_reported"]].tolist() == [count, 0]
    assert (homicides["months_reported"] == 0).sum() == 15
    assert homicides["months_reported"].isna().equals(homicides["year"] == 2015)


def test_bostons_population_is_not_the_whole_city(tables):
    people = tables["piehl_cooper_braga_kennedy_2003/population_monthly"]
    assert people["population"].max() < 240_000
    text = tables["definitions"].set_index("id").loc["boston-population-interpolated", "text"]
    assert "aged 25 to 44" in text and "interpolated" in text

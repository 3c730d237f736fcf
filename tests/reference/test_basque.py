"""The Basque Country and its terrorism: the weights of Abadie & Gardeazabal are a minimum, and not the lowest.

Abadie & Gardeazabal (2003) The economic costs of conflict, Am. Econ. Rev. 93(1), doi:10.1257/000282803321455188: Cataluña .851,
Madrid .149. Predictors and their years as in Abadie, Diamond & Hainmueller (2011) Synth, J. Stat. Softw. 42(13),
doi:10.18637/jss.v042.i13: shares of schooling and investment 1964–1969, sectors in the odd years of 1961–1969, income
1960–1969, density 1969; V judged by the income of 1960–1969.
"""

from types import MappingProxyType

import pandas as pd
import pytest

from gvi_eval.estimators._simplex import solve
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

BASQUE, CATALONIA, MADRID = "Basque Country (Pais Vasco)", "Cataluna", "Madrid (Comunidad De)"
SCHOOLS = ("school.illit", "school.prim", "school.med", "school.high")
SECTORS = ("agriculture", "energy", "industry", "construction", "services.venta", "services.nonventa")
PREDICTORS = (
    *(f"{school} 1964..1969" for school in SCHOOLS),
    "invest 1964..1969",
    "outcome 1960..1969",
    *(f"sec.{sector} 1961..1969" for sector in SECTORS),
    "popdens 1969",
)


@pytest.fixture(scope="module")
def basque(reference) -> Panel:
    table = pd.read_csv(reference("sc_basque.csv"))
    table = table[table["regionname"] != "Spain (Espana)"].pivot(index="year", columns="regionname")
    years = pd.PeriodIndex(table.index.astype(str), freq="Y")
    pupils = {school: table[school].loc[1964:1969].mean() for school in (*SCHOOLS, "school.post.high")}
    pupils["school.high"] += pupils.pop("school.post.high")
    everyone = sum(pupils.values())
    covariates = {
        school: pd.DataFrame([100 * number / everyone] * len(years), index=years) for school, number in pupils.items()
    }
    for name in ("invest", "popdens", *(f"sec.{sector}" for sector in SECTORS)):
        covariates[name] = table[name].set_axis(years)
    income = table["gdpcap"].set_axis(years)
    return Panel(
        income,
        income * 0 + 1.0,
        MappingProxyType({BASQUE: pd.Period("1970", freq="Y")}),
        estimand=Estimand("gap", "difference", target="realised"),
        kind="continuous",
        covariates=covariates,
    )


def test_the_published_weights_are_the_minimum_that_two_of_the_starts_find(basque):
    years = basque.values["1960":"1969"]
    two = solve(years[BASQUE], years[[CATALONIA, MADRID]])
    assert two.weights == pytest.approx([0.851, 0.149], abs=5e-4)
    assert two.objective / 10 == pytest.approx(0.00886, abs=5e-6)
    gap = basque.values[BASQUE] - basque.values[[CATALONIA, MADRID]] @ two.weights
    assert gap["1970":"1997"].mean() == pytest.approx(-0.580, abs=5e-4)
    attained = Synthetic(predictors=PREDICTORS, judged="1960..1969").estimate(basque).details["attained_by_start"]
    assert attained["standardised alike"] == pytest.approx(two.objective / 10, rel=1e-6)
    assert attained["raw alike"] == pytest.approx(two.objective / 10, rel=1e-6)


def test_weights_with_half_the_published_loss_exist_and_are_used_with_a_warning(basque):
    effect = Synthetic(predictors=PREDICTORS, judged="1960..1969").estimate(basque)
    details = effect.details
    assert details["mspe_lower_bound"] == pytest.approx(0.004126, abs=1e-6)  # of any weights at all
    assert details["mspe"] == pytest.approx(0.004286, abs=1e-6)  # published: .00886
    assert details["mspe"] == pytest.approx(details["attained_by_start"]["lattice"], rel=1e-6)
    assert details["weights"] == pytest.approx({CATALONIA: 0.633, "Baleares (Islas)": 0.219, MADRID: 0.148}, abs=1e-3)
    assert effect.point == pytest.approx(-0.885, abs=1e-3)
    assert any("different starts ended up to" in note and "no weights go below 0.004126" in note for note in effect.notes)

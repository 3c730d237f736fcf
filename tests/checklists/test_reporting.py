"""Reporting items: what the run wrote is reported, what it did not write is not."""

RESIDUALS = [{"ljung_box_p": 0.4, "dispersion": 1.1, "largest_residual": 2.1, "largest_at": "2011Q2"}]


def test_what_the_run_did_not_write_is_not_reported(saved, answered):
    town = saved()
    for identity in ("ITS-07", "ITS-09", "ITS-14", "ITS-16"):
        assert answered(town, identity).answer == "not reported", identity
    power = [{"noise": "Poisson", "detectable": 0.6}]
    town = saved(diagnostics__residual_summary=RESIDUALS, power=power)
    (town.folder / "figures" / "path-shots").mkdir(parents=True)
    (town.folder / "figures" / "path-shots" / "figure.svg").write_text("<svg/>")
    for identity in ("ITS-07", "ITS-09", "ITS-14", "ITS-16"):
        assert answered(town, identity).answer == "reported", identity


def test_estimates_are_whole_with_both_means_and_the_events_prevented(saved, answered):
    assert answered(saved(), "ITS-12").answer == "partly"
    pairs = [{"specification": "level + trend"}]
    assert answered(saved(pairs=pairs), "ITS-12").answer == "partly"
    assert answered(saved(pairs=pairs, headline={"contrast": "prevented"}), "ITS-12").answer == "reported"


def test_points_tables_and_controls_are_those_of_the_study(saved, answered):
    town = saved()
    assert "12 figures before, 8 after, 0 across" in answered(town, "ITS-05").sentence
    assert answered(town, "ITS-17").sentence.startswith("counts.csv, with the line")
    assert answered(town, "ITS-10").answer == "reported" and "reported burglary" in answered(town, "ITS-10").sentence
    assert answered(town, "ITS-04").answer == "partly"  # a change of recording is declared

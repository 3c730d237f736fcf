"""A recipe as text: of a table of reported offences that the server on this machine has."""

HEAD = """
name = "{name}"
title = "A table"
provider = "{provider}"
publisher = "The publisher"
licence = "CC BY 4.0"
into = "{name}.csv"
"""
STRAF11 = """
schema = "counts"
table = "STRAF11"
source = { id = "statistics-denmark-straf11", title = "STRAF11", url = "https://www.statbank.dk/STRAF11" }

[query]
"OMRÅDE" = ["101", "461"]
"OVERTRÆD" = ["12", "3410"]
Tid = "*"

[[definitions]]
id = "straf11-violence"
measure = "violence"
counting_scope = "reported_offences"
text = "Reported violence"

[[definitions]]
id = "straf11-weapons"
measure = "weapons_act"
counting_scope = "reported_offences"
text = "Reported offences against the weapons act"

[columns]
unit = { from = "OMRÅDE" }
unit_type = "municipality"
period = { from = "Tid" }
measure = { from = "OVERTRÆD", names = { "12" = "violence", "3410" = "weapons_act" } }
definition = { from = "OVERTRÆD", names = { "12" = "straf11-violence", "3410" = "straf11-weapons" } }
counting_scope = "reported_offences"
counter = "statistics_office"
"""

"""Tables from those who publish them: asked for by a recipe, stored as they were answered, then turned into rows.

A recipe is a TOML file that says whose table it is, which part of it, and what its codes mean here. `fetch` stores the raw
answer with the question, the time and its sha256; a table is only ever made from what is stored.
"""

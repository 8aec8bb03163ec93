"""Research questions as analyses: how gains and gaps depend on size, distance, tasks and morphology.

Each question is a folder: `analyse` makes a report, `text` its tables, `figure` its picture, and what only it needs
stands beside them. Statistics of several questions are pure functions of arrays in `stats`; `observations`, `published`
and `features` turn runs, score tables, published records and languages into rows. Everything is in points (0-100)
unless a name says otherwise.
"""

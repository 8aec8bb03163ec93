"""Research questions as analyses: how gains and gaps depend on size, distance, tasks and morphology.

Statistics are pure functions of arrays (`regression`, `dependence`, `scaling`, `similarity`, `transferability`,
`complexity`); `observations` turns runs, score tables and published records into rows; the analyses (`distance`, …)
make a table, JSON and a figure of them. Everything is in points (0-100) unless a name says otherwise.
"""

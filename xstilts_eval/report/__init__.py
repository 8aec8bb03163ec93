"""`xstilts report`: one page about runs, with figures and tables, that asks for nothing else."""

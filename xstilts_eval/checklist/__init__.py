"""`xstilts checklist`: the behavioural tests of MultiCheckList, and what a checkpoint gets wrong."""

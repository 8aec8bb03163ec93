"""Tag sets of public checkpoints and what they mean in the benchmark's: two tables.

Entity types are written as `labels` normalises them: lower case, without hyphens, underscores and spaces.
"""

from __future__ import annotations

PLACE_LIKE = frozenset({"gpe"})
"""Countries, cities and states (OntoNotes); WikiANN, from which PAN-X is drawn, has them as LOC."""

ENTITY_TYPES = {
    **dict.fromkeys(("per", "pers", "prs", "person"), "PER"),
    **dict.fromkeys(("org", "organization", "organisation"), "ORG"),
    **dict.fromkeys(("loc", "location", *PLACE_LIKE), "LOC"),
}

_CONLL = "misc miscellaneous other oth"
_DATED = "date time tme"
_ONTONOTES = "norp fac product event workofart law language money percent quantity ordinal cardinal"
_SUC = "evn wrk msr obj"
_COMPANY = "nat pro rel tit"
_MULTINERD = "anim bio cel dis eve food inst media myth plant vehi"
_GERMEVAL = "perderiv perpart orgderiv orgpart locderiv locpart othderiv othpart"

EXTRA_TYPES = frozenset(" ".join((_CONLL, _DATED, _ONTONOTES, _SUC, _COMPANY, _MULTINERD, _GERMEVAL)).split())
"""Types of CoNLL-2003, OntoNotes 5, SUC 3, MultiNERD, GermEval 2014 and the like that PAN-X does not have: read as O.

Facilities (OntoNotes ``FAC``) and derived or partial names (GermEval) are among them, a choice of ours.
"""

_PENN = {
    "ADJ": "JJ JJR JJS",
    "ADP": "IN RP",
    "ADV": "RB RBR RBS WRB",
    "AUX": "MD",
    "CCONJ": "CC",
    "DET": "DT PDT",
    "INTJ": "UH",
    "NOUN": "NN NNS",
    "NUM": "CD",
    "PART": "POS TO",
    "PRON": "EX PRP PRP$ WDT WP WP$",
    "PROPN": "NNP NNPS",
    "PUNCT": ". , : `` '' \" -LRB- -RRB- ( ) HYPH NFP",
    "SYM": "SYM $ #",
    "VERB": "VB VBD VBG VBN VBP VBZ",
    "X": "FW LS ADD AFX GW XX",
}
PENN = {tag: upos for upos, tags in _PENN.items() for tag in tags.split()}
"""Penn Treebank tag → UPOS, each to the tag it most often has in UD English-EWT (r2.5, training part).

One exception: VBZ is AUX there in 61% of its tokens (forms of *be*, *have*, *do*) and VERB here, like all verb tags.
Losses: IN is ADP though SCONJ in 19%, verb tags are VERB though AUX in 28%, RB is ADV though PART in 15%, DT is DET
though PRON in 5%.
"""

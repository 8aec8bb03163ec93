"""Tag sets of public checkpoints and what they mean in the benchmark's: tables of names.

Entity types are written as `labels.normalise` leaves them: lower case, with blanks for hyphens and underscores.
"""

from __future__ import annotations

PLACE_LIKE = frozenset({"gpe", "geopolitical area", "geopolitical entity", "geo political entity"})
"""Countries, cities and states (OntoNotes; the longer names are tner's and ACE's).

WikiANN, from which PAN-X is drawn, has them as LOC; a head that has GPE beside LOC or in its place is read so on
request only.
"""

ENTITY_TYPES = {
    **dict.fromkeys(("per", "pers", "prs", "person"), "PER"),
    **dict.fromkeys(("org", "organization", "organisation"), "ORG"),
    **dict.fromkeys(("loc", "location"), "LOC"),
}
KLUE_TYPES = {"ps": "PER", "og": "ORG", "lc": "LOC"}
"""The Korean KLUE benchmark's names, read where a set has all three."""

NEAR_TYPES = {
    "PER": "name human people figure character persname",
    "ORG": "company corporation corp government institution agency group grp orgname",
    "LOC": "address place city country geo gpe scene placename geogname",
}
"""Words of other sets that come near a type, for refusals: they are named there and never read as it."""

OUTSIDE = (("o",), ("0",), ("-",), ("other",), ("outside", "out", "none", "null", "no entity", "not entity"))
"""Names of the class without an entity, the surest first; the first that a set has is its O."""

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

"""Zero-shot prompts for generative models, and the texts every request carries.

Classification follows the XGLM cloze (Lin et al. 2021, arXiv:2112.10668) with the words of lm-evaluation-harness 0.4.13
(`tasks/xnli/utils.py`, `tasks/paws-x/`), scored on the *test* split: full sentences compete, the context is empty. In a
conversation (``--apply_chat_template``) the part that they share is the user's turn, and the rest is scored as the
assistant's; among sentences with one beginning the order of log-likelihoods is the same. The order of choices is the
family's label order. Question answering uses the harness's layout with its in-language words (`tasks/xquad`,
`tasks/tydiqa`; Arabic سياق written in full); tagging uses the ``C: … T: word_TAG`` line of structured prompting
(Blevins et al. 2023, arXiv:2211.07830). Multiple choice continues the premise with a connector and an option, with the
harness's words (`tasks/xcopa/utils.py`), but cuts only a real full stop and writes Chinese and Thai without a blank.
Retrieval has no prompt: a sentence is embedded as it is. Words are those that the document's dataset says
(`Dataset.prompt`).
"""

import unicodedata

from xstilts_eval.data.examples import (
    BitextDocument,
    ChoiceDocument,
    Document,
    LineDocument,
    PairDocument,
    QueryDocument,
    QuestionDocument,
    TaggedDocument,
    TextDocument,
    TranslationDocument,
)
from xstilts_eval.errors import UnknownName
from xstilts_eval.language_codes import flores_languages
from xstilts_eval.suites import dataset

WITHOUT_BLANKS = ("th", "zh")
"""Languages written without blanks between words; the harness puts them in."""


def words(doc: Document) -> tuple[str, ...]:
    """What the document's dataset says in its language, or in all; raises `UnknownName` for a language without words.

    Of pairs, the word behind the question mark's sentence and one for each class; of questions, those for context,
    question and answer; of causes and effects, what goes before each.
    """
    told, language = dataset(doc["family"]).prompt.words, doc["language"]
    if language not in told and "*" not in told:
        raise UnknownName.of("language of this prompt", language, told)
    return told[language] if language in told else told["*"]


def no_context(doc: Document) -> str:
    """Empty: the choices are whole sequences."""
    return ""


def xnli_choices(doc: PairDocument) -> list[str]:
    """Three filled cloze sentences, in the order contradiction, entailment, neutral."""
    return [xnli_question(doc) + answer for answer in xnli_answers(doc)]


def xnli_question(doc: PairDocument) -> str:
    """What the three cloze sentences share, up to the question mark: in a conversation, the user's turn."""
    return f"{doc['premise']}, {words(doc)[0]}?"


def xnli_answers(doc: PairDocument) -> list[str]:
    """The three cloze sentences from there on, the blank before them included."""
    _, entailment, neutral, contradiction = words(doc)
    return [f" {word}, {doc['hypothesis']}" for word in (contradiction, entailment, neutral)]


def pawsx_choices(doc: PairDocument) -> list[str]:
    """Two filled cloze sentences, label 0 (different meaning) first."""
    return [pawsx_question(doc) + answer for answer in pawsx_answers(doc)]


def pawsx_question(doc: PairDocument) -> str:
    """What the two cloze sentences share, up to the question mark: in a conversation, the user's turn."""
    return f"{doc['premise']}, {words(doc)[0]}?"


def pawsx_answers(doc: PairDocument) -> list[str]:
    """The two cloze sentences from there on, the blank before them included."""
    _, different, same = words(doc)
    return [f" {word}, {doc['hypothesis']}" for word in (different, same)]


def xcopa_text(doc: ChoiceDocument) -> str:
    """The premise without its full stop, and the connector for a cause or an effect."""
    premise = str(doc["premise"]).strip()
    # Po, "other punctuation", holds the full stops of all scripts (. 。 ।); the harness cuts any last character.
    if premise and unicodedata.category(premise[-1]) == "Po":
        premise = premise[:-1]
    connector = words(doc)[("cause", "effect").index(doc["question"])]
    return f"{premise}{_blank(doc)}{connector}"


def xcopa_choices(doc: ChoiceDocument) -> list[str]:
    """The options as they go on from there: small first letter, the blank before them included."""
    return [_blank(doc) + option[:1].lower() + option[1:] for option in map(str.strip, doc["choices"])]


def _blank(doc: Document) -> str:
    return "" if doc["language"] in WITHOUT_BLANKS else " "


def label(doc: PairDocument | TextDocument | ChoiceDocument) -> int:
    """Index of the gold choice."""
    return int(doc["label"])


def question_text(doc: QuestionDocument) -> str:
    """Context, question and the word for "answer" in the document's language."""
    context, question, answer = words(doc)
    return f"{context}: {doc['context']}\n\n{question}: {doc['question']}\n\n{answer}:"


def mlqa_text(doc: QuestionDocument) -> str:
    """As `question_text`; MLQA has English words in every language, as the harness does. Signatures name it."""
    return question_text(doc)


def first_answer(doc: QuestionDocument) -> str:
    """The first gold answer (shown in few-shot examples)."""
    return str(doc["answers"][0]["text"])


def tagging_text(doc: TaggedDocument) -> str:
    """The sentence on a ``C:`` line and the start of the ``T:`` line."""
    return f"C: {' '.join(doc['tokens'])}\nT:"


def tagged_line(doc: TaggedDocument) -> str:
    """``word_TAG`` for every word."""
    return " ".join(f"{token}_{tag}" for token, tag in zip(doc["tokens"], doc["tags"], strict=True))


def bitext_text(doc: BitextDocument | LineDocument) -> str:
    """The query sentence."""
    return str(doc["target"])


def bitext_target(doc: BitextDocument | LineDocument) -> int:
    """Line of the translation in the pool."""
    return int(doc["gold"])


def query_text(doc: QueryDocument) -> str:
    """The query of a ranking task."""
    return str(doc["query"])


def query_target(doc: QueryDocument) -> str:
    """Ranking has a set of right candidates; the first is shown."""
    return str(doc["correct"][0])


def mining_text(doc: Document) -> str:
    """Name of the shard; its sentences stay in the leaf's corpus."""
    return str(doc["id"])


def mining_target(doc: Document) -> str:
    """Mining has a set of gold pairs, not a target per document."""
    return ""


def translation_text(doc: TranslationDocument) -> str:
    """The source sentence and the beginning of the target's line, with FLORES-200's names of the languages.

    The layout of the harness's FLORES tasks (`tasks/catalan_bench/flores_ca` in 0.4.13) with a blank before the answer.
    """
    names = flores_languages()
    source, target = names[doc["source_language"]].name, names[doc["target_language"]].name
    return f"{source} sentence: {doc['source']}\n{target} sentence:"


def translation_target(doc: TranslationDocument) -> str:
    """The reference."""
    return str(doc["target"])


def foreign_text(doc: BitextDocument | LineDocument) -> str:
    """The foreign sentence (MTEB's direction: language to English)."""
    return str(doc["source"])

"""Zero-shot prompts for generative models, and the texts every request carries.

Classification follows the XGLM cloze (Lin et al. 2021, arXiv:2112.10668) with the words of lm-evaluation-harness 0.4.13
(`tasks/xnli/utils.py`, `tasks/paws-x/`), scored on the *test* split: full sentences compete, the context is empty.
The order of choices is the family's label order. Question answering uses the harness's layout with its in-language
words (`tasks/xquad`, `tasks/tydiqa`; Arabic سياق written in full); tagging uses the ``C: … T: word_TAG`` line of
structured prompting (Blevins et al. 2023, arXiv:2211.07830). Retrieval has no prompt: a sentence is embedded as it is.
"""

from typing import Any

Document = dict[str, Any]

NLI_WORDS: dict[str, tuple[str, str, str, str]] = {
    # language: question word, entailment, neutral, contradiction
    "ar": ("صحيح", "نعم", "لذا", "رقم"),
    "bg": ("правилно", "да", "така", "не"),
    "de": ("richtig", "Ja", "Auch", "Nein"),
    "el": ("σωστός", "Ναί", "Έτσι", "όχι"),
    "en": ("right", "Yes", "Also", "No"),
    "es": ("correcto", "Sí", "Asi que", "No"),
    "fr": ("correct", "Oui", "Aussi", "Non"),
    "hi": ("सही", "हाँ", "इसलिए", "नहीं"),
    "ru": ("правильно", "Да", "Так", "Нет"),
    "sw": ("sahihi", "Ndiyo", "Hivyo", "Hapana"),
    "th": ("ถูกต้อง", "ใช่", "ดังนั้น", "ไม่"),
    "tr": ("doğru", "Evet", "Böylece", "Hayır"),
    "ur": ("صحیح", "جی ہاں", "اس لئے", "نہیں"),
    "vi": ("đúng", "Vâng", "Vì vậy", "Không"),
    "zh": ("正确", "是的", "所以", "不是的"),
}
"""lm-evaluation-harness's words, kept for comparability; its Arabic contradiction word means "numeral"."""

PARAPHRASE_WORDS: dict[str, tuple[str, str, str]] = {
    # language: question word, word for label 0 (different meaning), word for label 1 (paraphrase)
    "de": ("richtig", "Nein", "Ja"),
    "en": ("right", "No", "Yes"),
    "es": ("verdad", "No", "Sí"),
    "fr": ("n'est-ce pas", "Non", "Oui"),
    "ja": ("ですね", "いいえ", "はい"),
    "ko": ("맞죠", "아니요", "예"),
    "zh": ("对吧", "不是", "是"),
}

QA_WORDS: dict[str, tuple[str, str, str]] = {
    # language: context, question, answer
    "ar": ("سياق", "سؤال", "إجابة"),
    "bn": ("প্রসঙ্গ", "প্রশ্ন", "উত্তর"),
    "de": ("Kontext", "Frage", "Antwort"),
    "el": ("Συμφραζόμενα", "Ερώτηση", "Απάντηση"),
    "en": ("Context", "Question", "Answer"),
    "es": ("Contexto", "Pregunta", "Respuesta"),
    "fi": ("Konteksti", "Kysymys", "Vastaus"),
    "hi": ("प्रसंग", "सवाल", "उत्तर"),
    "id": ("Konteks", "Pertanyaan", "Jawaban"),
    "ko": ("맥락", "질문", "답변"),
    "ru": ("Контекст", "Вопрос", "Ответ"),
    "sw": ("Muktadha", "Swali", "Jibu"),
    "te": ("సందర్భం", "ప్రశ్న", "సమాధానం"),
    "th": ("บริบท", "คำถาม", "คำตอบ"),
    "tr": ("Bağlam", "Soru", "Cevap"),
    "vi": ("Bối cảnh", "Câu hỏi", "Trả lời"),
    "zh": ("语境", "问题", "回答"),
}


def no_context(doc: Document) -> str:
    """Empty: the choices are whole sequences."""
    return ""


def xnli_choices(doc: Document) -> list[str]:
    """Three filled cloze sentences, in the order contradiction, entailment, neutral."""
    question, entailment, neutral, contradiction = NLI_WORDS[doc["language"]]
    return [
        f"{doc['premise']}, {question}? {word}, {doc['hypothesis']}" for word in (contradiction, entailment, neutral)
    ]


def pawsx_choices(doc: Document) -> list[str]:
    """Two filled cloze sentences, label 0 (different meaning) first."""
    question, different, same = PARAPHRASE_WORDS[doc["language"]]
    return [f"{doc['premise']}, {question}? {word}, {doc['hypothesis']}" for word in (different, same)]


def label(doc: Document) -> int:
    """Index of the gold choice."""
    return int(doc["label"])


def question_text(doc: Document) -> str:
    """Context, question and the word for "answer" in the document's language."""
    context, question, answer = QA_WORDS[doc["language"]]
    return f"{context}: {doc['context']}\n\n{question}: {doc['question']}\n\n{answer}:"


def mlqa_text(doc: Document) -> str:
    """As `question_text` with English words in every language, as the harness does for MLQA."""
    context, question, answer = QA_WORDS["en"]
    return f"{context}: {doc['context']}\n\n{question}: {doc['question']}\n\n{answer}:"


def first_answer(doc: Document) -> str:
    """The first gold answer (shown in few-shot examples)."""
    return str(doc["answers"][0]["text"])


def tagging_text(doc: Document) -> str:
    """The sentence on a ``C:`` line and the start of the ``T:`` line."""
    return f"C: {' '.join(doc['tokens'])}\nT:"


def tagged_line(doc: Document) -> str:
    """``word_TAG`` for every word."""
    return " ".join(f"{token}_{tag}" for token, tag in zip(doc["tokens"], doc["tags"], strict=True))


def bitext_text(doc: Document) -> str:
    """The query sentence."""
    return str(doc["target"])


def bitext_target(doc: Document) -> int:
    """Line of the translation in the pool."""
    return int(doc["gold"])


def mining_text(doc: Document) -> str:
    """Name of the shard; its sentences stay in the leaf's corpus."""
    return str(doc["id"])


def mining_target(doc: Document) -> str:
    """Mining has a set of gold pairs, not a target per document."""
    return ""


def foreign_text(doc: Document) -> str:
    """The foreign sentence (MTEB's direction: language to English)."""
    return str(doc["source"])

"""Words that prompts of several datasets share: "context", "question" and "answer".

Those of lm-evaluation-harness 0.4.13 (`tasks/xquad`, `tasks/tydiqa`), with Arabic سياق written in full.
"""

CONTEXT_QUESTION_ANSWER = {
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
    "ro": ("Context", "Întrebare", "Răspuns"),
    "ru": ("Контекст", "Вопрос", "Ответ"),
    "sw": ("Muktadha", "Swali", "Jibu"),
    "te": ("సందర్భం", "ప్రశ్న", "సమాధానం"),
    "th": ("บริบท", "คำถาม", "คำตอบ"),
    "tr": ("Bağlam", "Soru", "Cevap"),
    "vi": ("Bối cảnh", "Câu hỏi", "Trả lời"),
    "zh": ("语境", "问题", "回答"),
}

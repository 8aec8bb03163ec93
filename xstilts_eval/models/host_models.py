"""What the startup bridge asks about the host's own model classes before an evaluation begins.

What the model class cannot serve is refused by name, and a checkpoint that is no language model is warned about.
Nothing here imports torch: many of these classes only talk to a server.
"""

from __future__ import annotations

import ast
import inspect
import logging
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from xstilts_eval import thoughts
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.kinds import Request
from xstilts_eval.selection import select
from xstilts_eval.tasks import announced
from xstilts_eval.tasks.leaf import LeafTask

if TYPE_CHECKING:
    from transformers import PretrainedConfig

log = logging.getLogger("xstilts_eval")

BRIDGE = "xstilts_eval_bridge"
"""Module of the `embed` that the bridge put on the host's class."""

_VOCABULARY_HEADS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_OTHER_HEADS = (
    "ForMaskedLM",
    "ForPreTraining",
    "ForNextSentencePrediction",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
)
_ENCODER_ONLY = "EncoderModel"
_MESSAGES_ONLY = ("LocalChatCompletion", "AnthropicChat")
"""Classes of the host (and their heirs) whose requests must be lists of messages."""
_SCORED_BY_OPENAI = ("babbage-002", "davinci-002")
"""lm_eval 0.4.13, `OpenAICompletionsAPI.loglikelihood`: all other models are refused there, in mid-run."""


# ------------------------------------------------------------------------------------- before the first request


def before_loading(
    model_args: str | Mapping[str, Any] | None,
    tasks: Sequence[object],
    num_fewshot: int | None = None,
    apply_chat_template: bool | str = False,
    system_instruction: str | None = None,
) -> None:
    """Under ``--model xstilts``, from small files alone: what will be refused is refused before the host loads a task.

    The adapter looks again when it is asked, so what is not known here (tasks of others, objects) is passed over.
    Raises `UnfitCheckpoint` and `SettingError` as it does.
    """
    from lm_eval.utils import simple_parse_args_string

    from xstilts_eval import own_datasets
    from xstilts_eval.models import arguments, checkpoint
    from xstilts_eval.models.adapter import refuse_unfit

    own_datasets.load_installed()
    given = model_args if isinstance(model_args, Mapping) else simple_parse_args_string(model_args or "")
    if not isinstance(given.get("pretrained"), str):
        return
    asked = []
    for task in tasks:
        try:
            selected = select([str(task)])
        except UnknownName:
            continue
        asked += [
            announced.Asked(
                family.leaf(language), family, num_fewshot or 0, bool(apply_chat_template), bool(system_instruction)
            )
            for family, languages in selected.items()
            for language in languages
        ]
    read = arguments.read(given)
    found = checkpoint.resolve(read.pretrained, read.revision, read.heads, read.reading())
    found.thinks = bool(read.enable_thinking)
    refuse_unfit(found, asked)


def before_evaluation(
    lm: Any,
    task_dict: Any,
    apply_chat_template: bool | str = False,
    limit: float | None = None,
    samples: Any = None,
) -> AbstractContextManager[None]:
    """Begin an evaluation of the host: forget earlier announcements, warn about nonsense, refuse what cannot run.

    Does nothing else unless a leaf of ours is selected; such leaves learn the `limit`, of which the host tells them a
    number of documents only. The evaluation runs inside the context returned. Raises
    `UnfitCheckpoint` for leaves the model class cannot serve and `SettingError` for a chat interface without
    ``--apply_chat_template``.
    """
    announced.clear()
    tasks = list(_tasks(task_dict))
    leaves = [task for task in tasks if isinstance(task, LeafTask)]
    if not leaves:
        return nullcontext()
    lm = getattr(lm, "lm", lm) if type(lm).__name__ == "CachingLM" else lm
    refuse_samples(samples, [str(task.task_name) for task in tasks])
    for leaf in leaves:
        leaf.limit = limit
    warn_if_no_language_model(lm, leaves)
    refuse_unserved(lm, leaves, bool(apply_chat_template))
    if not _is_one_of(lm, ("HFLM",)):
        return nullcontext()
    if lm.backend == "seq2seq":
        return bounded(lm, leaves) if len(leaves) == len(tasks) else nullcontext()
    if apply_chat_template:
        warn_if_thinking_is_undecided(lm)
    note_thinking(lm, leaves)
    return thinking_aloud(lm) if lm.think_end_token is not None else nullcontext()


def refuse_samples(samples: Any, names: Sequence[str]) -> None:
    """Raise `SettingError` for ``--samples`` that are not lists of numbers by task, or of tasks that are not run.

    The host scores a task whole that ``--samples`` does not name, so a slip in a name would go unseen.
    """
    if samples is None:
        return
    if not isinstance(samples, dict) or not all(isinstance(numbers, list) for numbers in samples.values()):
        raise SettingError(
            f"--samples {samples}: give a JSON object of lists of numbers by task, or the path of a file that holds one"
        )
    if strangers := [name for name in samples if name not in names]:
        raise SettingError(f"--samples names {strangers[0]}, which is not among the tasks of this run")


def warn_if_thinking_is_undecided(lm: Any) -> None:
    """One line when a conversation is held with a model that may think and nobody decided."""
    undecided = lm.enable_thinking is None and lm.think_end_token is None and not lm.chat_template_args
    hint = thoughts.hint(_checkpoint_name(lm), getattr(lm.tokenizer, "chat_template", None))
    if undecided and hint and not lm.rank:
        log.warning(hint)


def note_thinking(lm: Any, leaves: Sequence[LeafTask]) -> None:
    """Write what decides about thoughts into each leaf's metadata (``xs_thinking``), for the results file."""
    from xstilts_eval.models import thinking

    for leaf in leaves:
        leaf.config.metadata["xs_thinking"] = thinking.described(lm.chat_template_args, lm.think_end_token)


@contextmanager
def thinking_aloud(lm: Any) -> Iterator[None]:
    """Let a decoder under HFLM finish its thoughts: stop sequences end answers only."""
    from xstilts_eval.models import thinking

    original = lm._model_generate
    end = thinking.end_of_thought(lm.tokenizer, lm.think_end_token)
    assert end is not None  # it was given

    def generate(context: Any, max_length: int, stop: list[str], **options: Any) -> Any:
        return thinking.generate(original, lm.tokenizer, end, context, stop, max_length=max_length, **options)

    given, lm.think_end_token = lm.think_end_token, end
    lm._model_generate = generate
    try:
        yield
    finally:
        lm._model_generate, lm.think_end_token = original, given


@contextmanager
def bounded(lm: Any, leaves: Sequence[LeafTask]) -> Iterator[None]:
    """Hold an encoder-decoder under HFLM to ``max_gen_toks``.

    lm_eval 0.4.13 adds the length of the prompt to it (`HFLM.generate_until`), as is right for decoders only, so that a
    model that never stops writes on for as long as its prompt was. A bound that is no such sum is left alone.
    """
    bounds = {(leaf.config.generation_kwargs or {}).get("max_gen_toks") for leaf in leaves}
    generate = lm._model_generate

    def generate_bounded(context: Any, max_length: int, **options: Any) -> Any:
        rest = max_length - context.shape[1]
        # The first token of an encoder-decoder's answer is its start token.
        return generate(context, max_length=rest + 1 if rest in bounds else max_length, **options)

    lm._model_generate = generate_bounded
    try:
        yield
    finally:
        lm._model_generate = generate


def refuse_unserved(lm: Any, leaves: Sequence[LeafTask], chat_template: bool) -> None:
    """Raise naming every group the model cannot serve, the reason, and the ``--tasks`` list that would run."""
    reasons = {kind: reason for kind in {leaf.family.kind for leaf in leaves} if (reason := _CHECKS[kind.request](lm))}
    unfit: dict[str, list[str]] = {}
    for leaf in leaves:
        if reason := reasons.get(leaf.family.kind):
            groups = unfit.setdefault(reason, [])
            if leaf.family.group not in groups:
                groups.append(leaf.family.group)
    if unfit:
        listed = "; ".join(f"{', '.join(groups)}: {reason}" for reason, groups in unfit.items())
        fit = announced.names_of(
            [_selection(leaf, chat_template) for leaf in leaves if leaf.family.kind not in reasons]
        )
        advice = f"It can serve: --tasks {','.join(fit)}" if fit else "It can serve none of the selected tasks"
        raise UnfitCheckpoint(f"--model {_host_name(lm)} cannot serve {listed}. {advice}")
    if not chat_template and _is_one_of(lm, _MESSAGES_ONLY):
        raise SettingError(f"--model {_host_name(lm)} takes messages, not text: add --apply_chat_template")


def warn_if_no_language_model(lm: Any, leaves: Sequence[LeafTask]) -> None:
    """One line when text is asked of a checkpoint under the host's HFLM that has no trained vocabulary head."""
    if not _is_one_of(lm, ("HFLM",)) or lm.rank:
        return
    groups = dict.fromkeys(leaf.family.group for leaf in leaves if not leaf.is_retrieval)
    what = other_than_language_model(lm.config)
    if not groups or not what:
        return
    name = _checkpoint_name(lm)
    log.warning(
        "%s (%s) is no language model: what --model %s reports for %s means nothing; "
        "run --model xstilts --model_args pretrained=%s instead",
        name,
        what,
        _host_name(lm),
        ", ".join(groups),
        name,
    )


def other_than_language_model(config: PretrainedConfig) -> str | None:
    """What a checkpoint is, by its configuration, if it has no vocabulary head trained to continue text; else None.

    Architectures decide; a bidirectional model type without a known one is taken for an encoder. A bare model whose
    vocabulary head is not tied to its embeddings has none.
    """
    from transformers.models.auto import modeling_auto as auto

    names = [str(name) for name in getattr(config, "architectures", None) or []]
    decodes = any(getattr(config, name, False) for name in ("is_decoder", "causal"))
    encoders = set(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES) - set(auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES)
    described = names[0] if names else f"model type {config.model_type}"
    if config.model_type in encoders and not decodes:
        return described
    if any(name.endswith(_VOCABULARY_HEADS) for name in names):
        return None
    if any(name.endswith((*_OTHER_HEADS, _ENCODER_ONLY)) for name in names):
        return described
    is_bare = bool(names) and all(name.endswith("Model") for name in names)
    return described if is_bare and not getattr(config, "tie_word_embeddings", True) else None


def _no_vectors(lm: Any) -> str | None:
    answers = getattr(type(lm), "embed", None)
    if answers is not None and getattr(answers, "__module__", "") != BRIDGE:
        return None
    if answers is not None:
        from xstilts_eval.models.host_vectors import transformers_model

        if transformers_model(lm) is not None:
            return None
    return "retrieval needs sentence vectors, which this model class does not give (--model xstilts and hf do)"


def _no_choices(lm: Any) -> str | None:
    if not _is_implemented(lm, "loglikelihood"):
        return "classification needs the likelihood of given text, which this model class does not give"
    if getattr(lm, "enable_thinking", False):
        return "the likelihood of given text has no place for thinking; leave enable_thinking out"
    if _is_one_of(lm, ("OpenAICompletionsAPI",)) and lm.model not in _SCORED_BY_OPENAI:
        return f"the likelihood of given text comes from {' and '.join(_SCORED_BY_OPENAI)} only, not {lm.model}"
    if _is_one_of(lm, ("TemplateAPI",)) and lm.tokenizer is None:
        return "the likelihood of given text needs the model's tokenizer (--model_args tokenizer=…)"
    if _is_one_of(lm, ("HFLM",)) and lm.prefix_token_id is None:
        return "a likelihood needs a first token, and the tokenizer has neither bos nor eos"
    return None


def _no_text(lm: Any) -> str | None:
    if not _is_implemented(lm, "generate_until"):
        return "tagging, questions and translation need generated text, which this model class does not give"
    if _is_one_of(lm, ("HFLM",)) and lm.eot_token_id is None:
        return "generated text ends with eos, and the tokenizer has none"
    return None


_CHECKS: dict[Request, Callable[[Any], str | None]] = {
    "multiple_choice": _no_choices,
    "generate_until": _no_text,
    "embed": _no_vectors,
}


def _is_implemented(lm: Any, name: str) -> bool:
    """Whether a method does more than raise `NotImplementedError`; True where its source cannot be read."""
    method = getattr(type(lm), name, None)
    if method is None or getattr(method, "__isabstractmethod__", False):
        return False
    if _only_refuses(method):
        return False
    # The host's base class scores choices through this one.
    scorer = getattr(type(lm), "_loglikelihood_tokens", None)
    is_inherited = name == "loglikelihood" and getattr(method, "__qualname__", "").startswith("TemplateLM.")
    return not (is_inherited and scorer is not None and _only_refuses(scorer))


def _only_refuses(method: Any) -> bool:
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(method)))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    if not isinstance(definition, ast.FunctionDef):
        return False
    body = [
        line for line in definition.body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
    ]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _is_one_of(lm: Any, names: Sequence[str]) -> bool:
    """By name, so that nothing of the host has to be imported for it."""
    return any(base.__name__ in names for base in type(lm).__mro__)


def _host_name(lm: Any) -> str:
    """The name behind ``--model``, or the class's own where the host has none for it."""
    from lm_eval.models import MODEL_MAPPING

    wanted = f"{type(lm).__module__}:{type(lm).__name__}"
    return next((name for name, path in MODEL_MAPPING.items() if path == wanted), type(lm).__name__)


def _checkpoint_name(lm: Any) -> str:
    return str(lm.pretrained if isinstance(lm.pretrained, str) else lm.config.name_or_path)


def _selection(leaf: LeafTask, chat_template: bool) -> announced.Selection:
    return announced.Selection(str(leaf.task_name), leaf, int(leaf.config.num_fewshot or 0), chat_template)


def _tasks(task_dict: Any) -> Iterator[Any]:
    """All tasks of what the host's `evaluate` is given: the manager's dictionary, or the older nested one."""
    for value in task_dict.get("tasks", task_dict).values():
        if isinstance(value, dict):
            yield from _tasks(value)
        else:
            yield value

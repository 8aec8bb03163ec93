"""The public API: names and signatures are pinned; models in memory against the folders they come from."""

from __future__ import annotations

import ast
import gc
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from lm_eval.tasks import TaskManager

import xstilts_eval as xs
from tests.tiny_language_models import make_llama
from xstilts_eval import suites
from xstilts_eval.errors import MissingData, SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.models import memory
from xstilts_eval.models.adapter import XstiltsLM
from xstilts_eval.paths import tasks_path

ROOT = Path(__file__).resolve().parents[1]
SIGNATURES = {
    "evaluate": "(model: 'Any', tasks: 'str | Dataset | Sequence[str | Dataset]' = 'xtreme_*', "
    "data: 'Where | None' = None, output: 'Where | None' = None, *, tokenizer: 'Any' = None, "
    "split: 'str | None' = None, limit: 'float | None' = None, num_fewshot: 'int' = 0, "
    "apply_chat_template: 'bool' = False, gen_kwargs: 'Mapping[str, Any] | None' = None, overwrite: 'bool' = False, "
    "keep_paths: 'bool' = False, store: 'Where | None' = None, "
    "say: 'Callable[[str], None] | None' = None, **model_args: 'Any') -> 'Results'",
    "load_results": "(folder: 'Where') -> 'Results'",
    "gains": "(baseline: 'Results | Where', run: 'Results | Where', inner: 'str' = 'eval') -> 'Gains'",
    "register": "(dataset: 'Dataset') -> 'Dataset'",
    "Results.scoreboard": "(self) -> 'Scoreboard'",
    "Results.to_frame": "(self) -> 'pandas.DataFrame'",
    "Results.to_latex": "(self, columns: 'str' = 'both', *, intervals: 'bool' = True, text_width: 'float' = 345.0) "
    "-> 'str'",
    "Results.compare": "(self, other: 'Results | Where', *, allow_different: 'bool' = False, draws: 'int' = 10000, "
    "resamples: 'int' = 2000, seed: 'int' = 12345) -> 'Comparison'",
}


def test_names_and_signatures() -> None:
    """A change here is a change of the public API: it belongs into the changelog."""
    assert xs.__all__ == [
        "Data", "Dataset", "Results", "__version__", "datasets", "evaluate", "gains", "load_results", "register",
    ]  # fmt: skip
    assert set(xs.__all__) <= set(dir(xs))
    for name, wanted in SIGNATURES.items():
        found: Any = xs
        for part in name.split("."):
            found = getattr(found, part)
        assert str(inspect.signature(found)) == wanted, name
    public = {name for name in vars(xs.Results) if not name.startswith("_")}
    assert public == {"run", "scoreboard", "to_frame", "to_latex", "compare"}
    from xstilts_eval import api

    assert str(inspect.signature(api.datasets)) == "(suite: 'str | None' = None) -> 'dict[str, Dataset]'"
    assert xs.datasets() == suites.DATASETS and all(one.suite == "xtreme" for one in xs.datasets("xtreme").values())
    assert (ROOT / "xstilts_eval" / "py.typed").is_file()
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        _ = xs.evaluat


def test_nothing_heavy_is_imported() -> None:
    """The package, its register and its errors, in a process of their own, whichever name comes first."""
    code = (
        "import sys, xstilts_eval as xs; xs.datasets(); xs.Results; xs.Dataset; xs.evaluate\n"
        "from xstilts_eval.datasets import Data; assert len(xs.datasets()) > 20\n"
        "print(sorted({'torch', 'transformers', 'lm_eval', 'pandas', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ------------------------------------------------------------------------------------ models in memory

HEADS = {
    "xnli": ("AutoModelForSequenceClassification", "xtreme.xnli.de"),
    "panx": ("AutoModelForTokenClassification", "xtreme.panx.de"),
    "qa": ("AutoModelForQuestionAnswering", "xtreme.xquad.de"),
    "xcopa": ("AutoModelForMultipleChoice", "xtremer.xcopa.it"),
    "encoder": ("AutoModel", "xtreme.tatoeba.de"),
}


def responses(results: xs.Results) -> list[Any]:
    """What the model answered, of every document."""
    files = sorted((results.folder / "samples").glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert rows
    return [(row["doc_id"], row["filtered_resps"]) for row in rows]


@pytest.mark.parametrize("part", HEADS)
def test_a_model_in_memory_answers_as_its_folder(part: str, tiny_bundle: Path) -> None:
    auto_class, task = HEADS[part]
    model = getattr(transformers, auto_class).from_pretrained(tiny_bundle / part)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bundle / part)
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    blocks, text = len(model.base_model.encoder.layer), tokenizer.backend_tokenizer.to_str()
    options: dict[str, Any] = {"limit": 4, "layer": 1 if part == "encoder" else None}
    held = xs.evaluate(model, task, "sample", tokenizer=tokenizer, **options)
    assert model.training and len(model.base_model.encoder.layer) == blocks
    assert tokenizer.backend_tokenizer.to_str() == text
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(one.requires_grad for one in model.parameters())
    stored = xs.evaluate(tiny_bundle / part, task, "sample", **options)
    assert responses(held) == responses(stored)
    assert held.run.leaves[0].metrics == stored.run.leaves[0].metrics
    assert f"|ckpt:{memory.identity_of(model, tokenizer)}|" in held.run.leaves[0].signature
    assert not memory._HELD, "nothing is held after the call"


def test_a_decoder_in_memory(tmp_path: Path) -> None:
    folder = make_llama(tmp_path / "llama")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    held = xs.evaluate(model, "xtreme.xnli.de", "sample", tokenizer=tokenizer, limit=2)
    assert responses(held) == responses(xs.evaluate(folder, "xtreme.xnli.de", "sample", limit=2))


def test_a_model_in_memory_behind_the_host(tiny_bundle: Path) -> None:
    """The adapter's own argument: what the host passes on from `simple_evaluate`."""
    import lm_eval

    model = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_bundle / "xnli")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bundle / "xnli")
    adapter = XstiltsLM(pretrained=model, tokenizer=tokenizer)
    manager = TaskManager(include_path=str(tasks_path() / "xtreme" / "xnli"), include_defaults=False)
    found = lm_eval.evaluate(adapter, manager.load(["xtreme.xnli.de"]), limit=2, bootstrap_iters=0)
    assert found["results"]["xtreme.xnli.de"]["sample_len"] == 2 and list(memory._HELD) == [adapter.checkpoint.name]
    del adapter
    gc.collect()
    assert not memory._HELD


def test_an_identity_is_that_of_the_weights(tiny_bundle: Path) -> None:
    """Equal weights from two loadings have one; a weight, a label or the tokenizer moved gives another."""
    load = transformers.AutoModelForSequenceClassification.from_pretrained
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bundle / "xnli")
    model = load(tiny_bundle / "xnli")
    first = memory.identity_of(model, tokenizer)
    assert first == memory.identity_of(load(tiny_bundle / "xnli"), tokenizer)
    with torch.no_grad():
        model.classifier.bias[0] += 1e-6
    moved = memory.identity_of(model, tokenizer)
    model.config.id2label = {0: "a", 1: "b", 2: "c"}
    named = memory.identity_of(model, tokenizer)
    tokenizer.add_tokens(["xstilts"])
    assert len({first, moved, named, memory.identity_of(model, tokenizer)}) == 4


def test_what_is_no_checkpoint_is_refused_in_a_sentence(tiny_bundle: Path) -> None:
    model = transformers.AutoModel.from_pretrained(tiny_bundle / "encoder")
    for given, words in (
        (model, "a BertModel in memory needs its tokenizer: give tokenizer="),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear is no transformers model"),
        (torch.nn.DataParallel(model), "give the model inside"),
        (model.to("meta"), "must lie on one device"),
    ):
        with pytest.raises(UnfitCheckpoint) as caught:
            xs.evaluate(given, "xnli", "sample", tokenizer=None if given is model and words[0] == "a" else print)
        assert words in str(caught.value) and len(str(caught.value)) < 250
    with pytest.raises(UnfitCheckpoint, match="memory:Bert@0 is not in memory here"):
        xs.evaluate("memory:Bert@0", "xnli", "sample")


def test_what_is_not_allowed(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="tasks is empty"):
        xs.evaluate(tiny_bundle, "")
    with pytest.raises(UnknownName, match="unknown task 'xnly'"):
        xs.evaluate(tiny_bundle, "xnly")
    with pytest.raises(SettingError, match="tokenizer= belongs to a model in memory"):
        xs.evaluate(tiny_bundle, "xnli", tokenizer=print)
    with pytest.raises(SettingError, match="pretrained is an argument of evaluate itself"):
        xs.evaluate(tiny_bundle, "xnli", pretrained="x")
    with pytest.raises(MissingData, match="does not exist"):
        xs.load_results(tmp_path / "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingError, match="several processes need a folder"):
        xs.evaluate(tiny_bundle, "xnli")


# ------------------------------------------------------------------------------------ results


@pytest.fixture(scope="module")
def two(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[xs.Results, xs.Results]:
    """Results of a bundle, and of its heads at another length."""
    tasks = ["xtreme.xnli.de", "xtreme.xnli.en", "xtreme.xquad.de"]
    folder = tmp_path_factory.mktemp("results")
    lines: list[str] = []
    first = xs.evaluate(tiny_bundle, tasks, "sample", folder / "first", say=lines.append)
    assert any("datasets in" in line for line in lines)
    return first, xs.evaluate(tiny_bundle, tasks, "sample", max_length=64)


def test_results_in_every_shape(two: tuple[xs.Results, xs.Results], monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = two
    again = xs.load_results(first.folder)
    assert again.scoreboard().to_json() == first.scoreboard().to_json()
    frame = first.to_frame()
    row = frame[(frame.task == "xtreme.xquad.de") & (frame.metric == "f1")].iloc[0]
    (leaf,) = [leaf for leaf in first.run.leaves if leaf.leaf == "xtreme.xquad.de"]
    assert row.score == 100 * leaf.metrics["f1"] and row.documents == leaf.scored and row.is_official
    assert set(frame.language) == {"de", "en", "avg"} and set(frame.dataset) == {"xnli", "xquad"}
    mean = frame[(frame.dataset == "xquad") & (frame.metric == "exact_match+f1") & (frame.language == "avg")].iloc[0]
    assert mean.score == pytest.approx(50 * (leaf.metrics["f1"] + leaf.metrics["exact_match"])) and mean.is_official
    (xnli, *_) = xs.gains(first, other)
    scores = {leaf.leaf: leaf.points for results in two for leaf in results.run.leaves if results is other}
    assert xnli.score == scores[f"xtreme.xnli.{xnli.language}"]
    found = first.compare(other, draws=100, resamples=100)
    assert [one.family.name for one in found.families] == ["xnli", "xquad"]
    assert found.families[0].average is not None and found.families[0].average.score == pytest.approx(
        other.scoreboard().families["xtreme_xnli"].score
    )
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingError, match="to_frame needs pandas; pip install pandas"):
        first.to_frame()


def test_latex(two: tuple[xs.Results, xs.Results]) -> None:
    """What is missing is missing, the sample says so, and every signature is there."""
    text = two[0].to_latex()
    board = two[0].scoreboard()
    de, en = (board.families["xtreme_xnli"].cells[code].score for code in ("de", "en"))
    lines = text.splitlines()
    start = lines.index("% XNLI by language")
    assert lines[start + 3] == r"Model & en & de & avg \\"
    found = re.sub(r" \$\\pm\$ [0-9.]+|\$\^\{\*\}\$", "", lines[start + 5])
    assert found == rf"first & {en:.1f} & {de:.1f} & {(de + en) / 2:.1f} \\"
    assert "SAMPLE" in text and "metric:acc|v1" in text and "metric:qa|norm:squad1.1-en" in text
    with pytest.raises(UnknownName, match="choice of --columns 'rows'"):
        two[0].to_latex("rows")


def test_results_without_a_folder_go_with_their_object(tiny_bundle: Path) -> None:
    results = xs.evaluate(tiny_bundle, "xtreme.xnli.de", "sample", limit=1)
    folder = results.folder
    assert folder.is_dir() and "XNLI" in repr(results)
    del results
    assert not folder.exists()


# ------------------------------------------------------------------------------------ the notebook


@pytest.mark.parametrize("name", ["api", "paper"])
def test_a_notebook(name: str, minilm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every code cell runs, in order; notebooks are kept without outputs."""
    cells = json.loads((ROOT / "examples" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 6 and not any(cell.get("outputs") for cell in cells)
    names: dict[str, Any] = {}
    shown = []
    tables: list[dict[Any, Any]] = [suites.DATASETS, suites.SUITES, suites._BY_STEM]
    before = [dict(table) for table in tables]
    try:
        for text in code:
            tree = ast.parse(text)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, name, "exec"), names)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), name, "eval"), names))
        said = repr(shown[-1]) + capsys.readouterr().out
    finally:
        for table, content in zip(tables, before, strict=True):
            table.clear()
            table.update(content)
    if name == "api":
        assert "xtreme_xnli" in shown[0] and set(shown[2]) == {"de", "fr"} and "Close to English" in said
    else:
        assert shown[0] == ["de", "fr", "sw"] and "\\toprule" in said and "model_args.layer: 6 there, 5 here" in said

"""Datasets of users: what is refused, and the how-to page's example evaluated, trained on, compared and reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager
from typer.testing import CliRunner

import xstilts_eval as xs
from xstilts_eval import cli, kinds, own_datasets, selection, suites, training_tasks
from xstilts_eval.data import sources
from xstilts_eval.data.examples import LabelledText, Tagged
from xstilts_eval.datasets import ENTITIES, POS, Repository, Text
from xstilts_eval.errors import DataError, SettingError, UnfitCheckpoint, UnknownName, XstiltsError
from xstilts_eval.models import labels
from xstilts_eval.models.checkpoint import Checkpoint
from xstilts_eval.models.source import Source
from xstilts_eval.tasks import documents, generate, scoring

PAGE = Path(__file__).parents[1] / "docs" / "own-dataset.md"
FILE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
ANSWERS = {"contradiction": "it is late", "entailment": "it is here", "neutral": "it is red"}


@pytest.fixture(autouse=True)
def _a_register_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(own_datasets, "_FILES", {})
    monkeypatch.setattr(own_datasets, "_installed", ())
    monkeypatch.setattr(own_datasets, "host_names", lambda: frozenset({"xnli"}))  # 14,000 files; one test reads them
    tables: list[dict[Any, Any]] = [suites.DATASETS, suites.SUITES, suites._BY_STEM]
    before = [dict(table) for table in tables]
    yield
    for table, content in zip(tables, before, strict=True):
        table.clear()
        table.update(content)


def written(folder: Path, text: str = FILE, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def deliveries(folder: Path) -> Path:
    """Data for the page's example: the class is written in the hypothesis."""
    (folder / "deliveries").mkdir(parents=True)
    for name, size in (("train-en", 48), ("dev-en", 6), ("test-en", 24), ("test-de", 24)):
        lines = [
            f"parcel {number} has come\t{answer} {number}\t{label}\n"
            for number in range(size // 3)
            for label, answer in ANSWERS.items()
        ]
        (folder / "deliveries" / f"{name}.tsv").write_text("".join(lines), encoding="utf-8")
    return folder


# ------------------------------------------------------------------------------------ what is refused

FAULTS = {
    "syntax": ("def read(paths", "def read paths", "mine.py: not Python, line 13: unmatched ')'"),
    "fails": ('LABELS = (', 'LABELS = 1 / 0, (', "mine.py, line 9: ZeroDivisionError: division by zero"),
    "stops": ("LABELS = (", "raise SystemExit(3)\nLABELS = (", "SystemExit: 3"),
    "reader": ("read=read,", "read=None,", "the dataset own.mine has no reader: None is no function"),
    "label": (
        "    labels=LABELS,",
        '    labels=LABELS,\n    likely_orders=(("contradiction", "entails", "neutral"),),',
        "own.mine names the label entails, which it does not have",
    ),
    "no labels": ("    labels=LABELS,\n", "", "own.mine has no labels"),
    "language": (
        'english=frozenset({"train", "dev"}),',
        'absent={"test": frozenset({"fr"})},',
        "own.mine says something about the language fr, which is none of its languages (en de)",
    ),
    "code": ('("en", "de")', '("en", "yor")', "give code_standard='iso639_3', 'flores' or 'laser'"),
    "pin": (
        'hub="not on the hub"',
        'hub=__import__("xstilts_eval.datasets").datasets.Repository("some/data", "main", "")',
        "some/data is pinned to 'main'; a pin is a commit of 40 hex digits",
    ),
    "function": ('"mine.choices"', '"mine.choice"', "names the function mine.choice, which does not exist"),
    "placeholder": ("{{lg}}", "{{language}}", "has a placeholder other than {lg}"),
    "suite": ('suite="own"', 'suite="xtreme"', "the suite 'xtreme' is a benchmark of this package"),
    "taken": ('suite="own",\n    name="mine"', 'suite="xtreme",\n    name="xnli"', "there is a dataset xtreme.xnli"),
    "host": (
        'suite="own",\n    name="mine"',
        'suite="xnli",\n    name="en"',
        "lm-evaluation-harness has a task or group called 'xnli' itself",
    ),
    "network": (
        "LABELS = (",
        'import urllib.request\nurllib.request.urlopen("http://192.0.2.1/labels")\nLABELS = (',
        "asks for the network when it is imported (192.0.2.1)",
    ),
    "network in vain": (
        "LABELS = (",
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80))\nexcept OSError:\n    pass\nLABELS = (",
        "asks for the network when it is imported",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_one_sentence_before_any_work(fault: str, tmp_path: Path) -> None:
    old, new, words = FAULTS[fault]
    assert old in FILE
    path = written(tmp_path, FILE.replace(old, new))
    before = dict(suites.DATASETS)
    with pytest.raises(SettingError) as caught:
        own_datasets.include(path)
    said = str(caught.value)
    assert words in said and said.startswith(str(path)) and "\n" not in said and len(said) < 500
    assert before == suites.DATASETS


def test_a_file_that_is_not_there_or_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"none\.py: cannot be read \(No such file or directory\)"):
        own_datasets.include(tmp_path / "none.py")
    with pytest.raises(SettingError, match="holds no Dataset; end it with NAME = Dataset"):
        own_datasets.include(written(tmp_path, "from xstilts_eval.datasets.xnli import XTREME\n"))


def test_the_command_ends_in_that_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the checkpoint, which does not exist, is looked for."""
    path = written(tmp_path, "x = (\n")
    done = CliRunner().invoke(cli.app, ["eval", "no/checkpoint", "--include", str(path), "-t", "mine"])
    assert isinstance(done.exception, SettingError) and "not Python, line 1" in str(done.exception)


def test_two_datasets_with_one_name(tmp_path: Path) -> None:
    """The same file elsewhere is the same dataset; another one of that name is refused."""
    (first,) = own_datasets.include(written(tmp_path))
    (tmp_path / "copy").mkdir()
    assert own_datasets.include(written(tmp_path / "copy")) == (first,)
    (tmp_path / "edited").mkdir()
    edited = FILE.replace('"""Entailment', '"""Our own, written anew: entailment')
    assert own_datasets.include(written(tmp_path / "edited", edited)) == (first,), "other functions, the same code"
    with pytest.raises(SettingError, match=r"there is a dataset own\.mine already \(Deliveries\)"):
        xs.register(replace(first, title="Another"))
    with pytest.raises(SettingError, match="'mine' is a str; a Dataset is wanted"):
        xs.register("mine")  # type: ignore[arg-type]


def test_a_network_that_is_asked_for_later_is_not_our_business(tmp_path: Path) -> None:
    """The guard ends with the import."""
    import socket

    own_datasets.include(written(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_names_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from its files, then from the cache."""
    monkeypatch.undo()
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    names = own_datasets.host_names()
    assert {"xnli", "xnli_en", "belebele", "hellaswag"} <= names and "own_mine" not in names
    (file,) = tmp_path.rglob("*.txt")
    file.write_text("only_this\n")
    assert own_datasets.host_names() == {"only_this"}


def test_an_unknown_suite_and_task() -> None:
    with pytest.raises(UnknownName, match="unknown suite 'xtrem'; did you mean xtreme"):
        xs.datasets("xtrem")
    with pytest.raises(UnknownName, match=r"unknown task 'xnly'; did you mean .*xnli"):
        selection.select(["xnly"])


def test_a_kind_without_a_head_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    """A kind of one's own, which no head of ours serves."""
    guess = kinds.Kind("guess", object, "multiple_choice", kinds.Template("no_context", "label"))
    try:
        mine = replace(suites.dataset("xnli"), suite="own", name="guesses", kind=guess, like="")
        source = Source(str(tiny_bundle / "xnli"))
        with pytest.raises(XstiltsError, match="guess"):
            Checkpoint("x", source, plain_head=source).check(mine)
    finally:
        del kinds.KINDS["guess"]


def test_a_pin_must_be_a_commit() -> None:
    with pytest.raises(SettingError, match="a pin is a commit of 40 hex digits"):
        Repository("a/b", "", "nowhere")


# ------------------------------------------------------------------------------------ what it becomes


def test_bare_names_select_a_dataset(tmp_path: Path) -> None:
    own_datasets.include(written(tmp_path))
    assert [family.group for family in selection.select(["xnli", "mine"])] == ["xtreme_xnli", "own_mine"]
    assert selection.select(["xnli"]) == selection.select(["xtreme_xnli"])
    assert list(selection.select(["own.mine.de"]).values()) == [["de"]]
    assert training_tasks.training_task("mine").labels == ("contradiction", "entailment", "neutral")


def test_what_was_registered_with_the_suites_keeps_its_scores(tmp_path: Path) -> None:
    before = suites.SUITES["xtreme"].families
    (mine,) = own_datasets.include(written(tmp_path))
    assert suites.SUITES["xtreme"].families == before and suites.SUITES["own"].families == (mine,)
    assert not suites.SUITES["own"].has_overall and mine in xs.datasets("own").values()


OWN_TAGS = {
    "entities": (ENTITIES, ("O", "B-DISEASE", "I-DISEASE"), "O", "chunk_f1"),
    "words": (POS, ("N", "V", "REST"), "REST", "pos_f1"),
}


@pytest.mark.parametrize("name", ["diseases", "panx"])
@pytest.mark.parametrize("which", OWN_TAGS)
def test_a_tagged_dataset_is_scored_with_its_own_tags(which: str, name: str, tmp_path: Path) -> None:
    """Right answers count as right, tags of ours do not, and a head trained on it is read, whatever its tags are."""
    scored_by, tags, filler, metric = OWN_TAGS[which]
    (tmp_path / "rows").mkdir()
    rows = Tagged("7", ("much", "flu", "here"), (tags[0], tags[1], tags[2]))
    mine = replace(
        suites.dataset("panx"), suite="own", name=name, title="Mine", languages=("en",), scoring=scored_by, labels=tags,
        filler=filler, like="", learned="", prompt=Text(),
        data=replace(suites.dataset("panx").data, read=lambda paths, language, split: [rows],
                     files={"test": (("rows/{lg}",),), "train": (("rows/{lg}",),)}),
    )  # fmt: skip
    (tmp_path / "rows" / "en").write_text("")
    xs.register(mine)
    doc: Any = documents.load_leaf(mine, "en", str(tmp_path)).documents[0]
    process = getattr(scoring, mine.scoring.process)
    right = process(doc, [" ".join(doc["tags"])])
    assert (right["f1"][0], right["token_accuracy"], right["unparsed"]) == (right["f1"][2], [3, 3], 0)
    assert right["f1"][0] > 0
    assert process(doc, ["O B-PER NOUN"])["unparsed"] == 1
    task = training_tasks.of_dataset(mine)
    assert (task.labels, task.metric) == (tags, metric)
    turned = [*tags[1:], tags[0]]
    assert labels.understand(mine, turned).decode([0, 1, 2]) == turned
    with pytest.raises(UnfitCheckpoint, match=rf"its labels are \[O, B-PER\], {name} needs \[{', '.join(tags)}\]"):
        labels.understand(mine, ["O", "B-PER"])


def test_a_tagged_dataset_without_a_filler_is_refused() -> None:
    with pytest.raises(SettingError, match=r"own\.mine has no filler, a tag for words whose answer cannot be read"):
        replace(suites.dataset("panx"), suite="own", name="mine", labels=("N", "V"), filler="O")


def test_the_page_says_sixty_lines() -> None:
    assert len(FILE.splitlines()) <= 60


def test_taxi1500_is_an_example(tmp_path: Path) -> None:
    """Rows in the layout of cisnlp/Taxi1500's English files; languages are those that one has files of."""
    (taxi,) = own_datasets.include(Path(__file__).parents[1] / "examples" / "taxi1500.py")
    assert (taxi.kind.name, taxi.scoring.official, taxi.languages[0]) == ("text", ("f1",), "eng")
    folder = tmp_path / "taxi1500" / "deu_data"
    folder.mkdir(parents=True)
    (folder / "deu_test.tsv").write_text("41001001\tSin\tEin Vers .\n41001002\tFaith\tNoch einer .\n", "utf-8")
    loaded = sources.load(taxi, "deu", "test", tmp_path).examples
    assert loaded == (LabelledText("41001001", "Ein Vers .", 3), LabelledText("41001002", "Noch einer .", 1))
    (folder / "deu_test.tsv").write_text("41001001\tHope\tEin Vers .\n", "utf-8")
    with pytest.raises(DataError, match="line 1: expected verse number, topic"):
        sources.load(taxi, "deu", "test", tmp_path)


def test_an_installed_package_brings_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """By an entry point; one that fails is named, and the rest goes on."""
    written(tmp_path, FILE, "somebodys_package.py")
    text = FILE.replace("mine.choices", "somebodys_package.choices")
    written(tmp_path, text, "somebodys_package.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = [
        metadata.EntryPoint("broken", "no_such_package:MINE", own_datasets.GROUP),
        metadata.EntryPoint("mine", "somebodys_package:MINE", own_datasets.GROUP),
    ]
    monkeypatch.setattr(own_datasets, "_installed", None)
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == own_datasets.GROUP else [])
    assert "own_mine" in xs.datasets()
    assert "broken of an installed package (no_such_package:MINE)" in caplog.text and "left out" in caplog.text
    assert own_datasets.load_installed() == tuple(xs.datasets("own").values())
    folder = tmp_path / "tasks"
    generate.write_own(folder, own_datasets.own())
    assert "xstilts_eval.tasks.leaf.LeafTask" in (folder / "own" / "mine" / "_template").read_text()


def test_the_folder_for_the_host(tmp_path: Path) -> None:
    """Group and tasks are found by the host, and their documents are the file's."""
    own_datasets.include(written(tmp_path))
    folder, data = tmp_path / "tasks", deliveries(tmp_path / "data")
    generate.write_own(folder, own_datasets.own())
    generate.write_own(folder, own_datasets.own())  # again, over its own
    manager = TaskManager(include_path=str(folder), include_defaults=False, metadata={"data": str(data)})
    loaded = manager.load(["own_mine"])["tasks"]
    assert set(loaded) == {"own.mine.en", "own.mine.de"}
    task = loaded["own.mine.de"]
    (first, *_) = task.test_docs()
    assert task.doc_to_choice(first)[1] == "parcel 0 has come, richtig? Ja, it is late 0"
    assert task.config.metadata["xs_dataset"].startswith("mine.py@")
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(SettingError, match="not empty and holds no tasks"):
        generate.write_own(other, own_datasets.own())
    (folder / own_datasets.LIST).write_text("../mine.py\n")
    with pytest.raises(SettingError, match="which is not in this folder"):
        own_datasets.include_folder(folder)


def test_the_host_runs_a_file_no_second_time(tmp_path: Path) -> None:
    """A kind, or anything else that registers itself, would be there twice."""
    text = FILE + f"\nwith open({str(tmp_path / 'runs')!r}, 'a') as file:\n    file.write('run ')\n"
    own_datasets.include(written(tmp_path, text))
    generate.write_own(tmp_path / "tasks", own_datasets.own())
    metadata = {"data": str(deliveries(tmp_path / "data"))}
    manager = TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False, metadata=metadata)
    task = manager.load(["own.mine.de"])["tasks"]["own.mine.de"]
    assert task.doc_to_choice(next(iter(task.test_docs())))[0].endswith("Nein, it is late 0")
    assert (tmp_path / "runs").read_text() == "run "


def typed(*words: object) -> str:
    done = CliRunner().invoke(cli.app, [*map(str, words)])
    assert done.exit_code == 0 and done.exception is None, (words, done.output, done.exception)
    return done.output


def test_the_page_from_training_to_report(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fit-head, eval, compare, gains, report and export of the YAMLs, as the page has them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    mine, data, base = written(tmp_path), deliveries(tmp_path / "DELIVERIES"), tiny_bundle / "encoder"
    typed(*f"fit-head {base} -t mine --include {mine} --data {data} -o head --epochs 1".split())
    for name, checkpoint in (("base", tiny_bundle / "xnli"), ("mine", "head")):
        typed(*f"eval {checkpoint} -t mine --include {mine} --data {data} -o results/{name}".split())
    shown = typed(*f"score results/mine --include {mine}".split())
    assert "Deliveries" in shown and "2 of 2" in shown
    for command in ("compare results/base results/mine", "gains results/base results/mine",
                    "gains results/mine --baseline results/base"):  # fmt: skip
        assert "Deliveries" in typed(*f"{command} --include {mine}".split())
    typed(*f"report results/base results/mine --include {mine} -o report.html".split())
    assert "Deliveries" in (tmp_path / "report.html").read_text(encoding="utf-8")
    results = xs.load_results("results/mine")
    assert {leaf.scored for leaf in results.run.leaves} == {24}
    assert "own.mine.en" in results.run.leaves[0].signature or "own.mine.de" in results.run.leaves[0].signature

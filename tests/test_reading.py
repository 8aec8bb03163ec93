"""The doors of JSON and YAML: one sentence for whatever others wrote, before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval import reading
from xstilts_eval.errors import DataError, MissingData, PredictionError
from xstilts_eval.paths import recipes_path, zoo_path
from xstilts_eval.wording import LONGEST, shortened

LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
DEEP = "".join(f"{' ' * depth}a:\n" for depth in range(40))

YAML = {
    "2024: y": "line 1: the key 2024 is no text (int); put it into quotes",
    "en: 1\nno: 2": "line 2: the key no is no text (bool); put it into quotes",
    "a: {null: 1}": "line 1: the key null is no text (null); put it into quotes",
    "a: 1\nb: 2\na: 3": "line 3: 'a' is there twice; keep one",
    "? [a, b]\n: 1": "line 1: a key is not a word",
    "a: 2024-13-01": "line 1, '2024-13-01' (month must be in 1..12); put texts into quotes",
    "a: !!int abc": "line 1, 'abc'",
    "a: [": "did not find expected node content",
    "a: \x01": "control characters are not allowed",
    "a: !!python/object:os.system {}": "could not determine a constructor for the tag",
    "a: 1\n---\nb: 2": "another document",
    "a: &a [*a]": "line 1: an alias that holds itself",
    LAUGHS: "more than 1,000,000 values, with aliases unfolded",
    DEEP: "nested more than 32 deep",
    "[" * 10_000: "nest",
}


@pytest.mark.parametrize("text", YAML, ids=lambda text: text[:12])
def test_yaml_that_is_refused(text: str) -> None:
    with pytest.raises(DataError) as refused:
        reading.parse_yaml(text, "mine.yaml")
    said = str(refused.value)
    assert said.startswith("mine.yaml") and YAML[text] in said
    assert "\n" not in said and len(said) < 400 and "unicode string" not in said


def test_yaml_that_is_read() -> None:
    text = "name: x\n'2024': y\nbase: &b {p: 1}\nother: {<<: *b, q: [1.5, true, null, 2020-02-03]}\n"
    found = reading.parse_yaml(text, "mine.yaml")
    assert found.keys() == {"name", "2024", "base", "other"} and found["other"]["p"] == 1
    assert found["other"]["q"][:3] == [1.5, True, None]
    assert reading.parse_yaml("# nothing\n", "mine.yaml") is None


def test_what_is_shipped_passes_the_door() -> None:
    shipped = [zoo_path(), *(zoo_path().parent / "zoo").glob("*.yaml"), *recipes_path().glob("*.yaml")]
    assert len(shipped) > 30
    for path in shipped:
        assert reading.read_yaml(path, "ours")


JSON = {
    "[" * 100_000: "nested too deeply",
    '{"a": ' + "1" * 5_000 + "}": "not JSON",
    '{"a": 1': "line 1: not JSON",
    '{"id": "q1", "a": "\\ud83d"}': "half a surrogate pair",
    '{"a": 1, "a": 2}': "says 'a' twice; keep one",
    "": "not JSON",
}


@pytest.mark.parametrize("text", JSON, ids=lambda text: text[:12])
def test_json_that_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PredictionError) as refused:
        reading.read_json(path, "a results file", PredictionError, once=True)
    said = str(refused.value)
    assert said.startswith(f"{path} is not a results file") and JSON[text] in said and "\n" not in said


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingData, match="does not exist; give a recipe"):
        reading.read_yaml(tmp_path / "none.yaml", "a recipe")
    with pytest.raises(DataError, match="it is a folder"):
        reading.read_json(tmp_path, "a bundle")
    path = tmp_path / "one"
    path.write_bytes(b'{"a": 1,\n"b": "\xff"}')
    with pytest.raises(DataError, match="is not a bundle: line 2 is not UTF-8"):
        reading.read_json(path, "a bundle")
    path.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(DataError, match="it holds a list where an object was expected"):
        reading.json_object(path, "a bundle")
    with pytest.raises(DataError, match="it holds a list, not keys and values"):
        reading.read_yaml(path, "a recipe")
    monkeypatch.setattr(reading, "LARGEST_RECORD", 5)
    with pytest.raises(DataError, match="has 6 bytes, and none has more than 5"):
        reading.read_json(path, "a bundle")


def test_one_door_each() -> None:
    """No other module turns foreign JSON or YAML into objects; those listed read what they wrote, or count keys."""
    folder = Path(reading.__file__).parent
    users = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for text in [path.read_text(encoding="utf-8")]
        if any(
            word in text for word in ("json.loads(", "json.load(", "yaml.load(", "yaml.safe_load(", "_validate_json(")
        )
    }
    assert users == {"reading.py", "evaluation.py", "models/host_output.py", "models/memory.py", "results/validate.py"}


@pytest.mark.parametrize("text", ["", "x" * LONGEST, "y" * 100_000])
def test_quotes_are_short(text: str) -> None:
    found: Any = shortened(text)
    assert found == text if len(text) <= LONGEST else found == f"{'y' * LONGEST}… (100,000 characters)"
    assert json.dumps(found)

"""Bundles on disk: written, checked file by file, put together from parts, listed."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.commanded import xstilts
from tests.tiny_language_models import make_mt5
from xstilts_eval import bundle, fingerprints
from xstilts_eval.benchmark import family
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.models.bundle_report import report
from xstilts_eval.models.checkpoint import resolve


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_hashes_are_those_of_sha256(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "config.json").write_text("{}")
    (tmp_path / "part" / "README.md").write_text("not part of what it is")
    bundle.write(bundle.Bundle(encoder="part"), tmp_path)
    # printf '{}' | sha256sum
    expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert bundle.read(tmp_path).sha256 == {"part": {"config.json": expected}}
    line = f"{expected}  config.json\n"
    assert fingerprints.identity(tmp_path / "part") == hashlib.sha256(line.encode()).hexdigest()[:12]


def test_a_whole_bundle_passes(copy: Path) -> None:
    manifest = bundle.read(copy)
    assert set(manifest.sha256) == {"encoder", "xnli", "pawsx", "udpos", "panx", "qa", "xcopa"}
    for path in manifest.paths:
        bundle.verify(manifest, copy, path)


def test_a_changed_file_is_named_with_both_hashes(copy: Path) -> None:
    path = copy / "panx" / "model.safetensors"
    data = bytearray(path.read_bytes())
    before, data[-1] = hashlib.sha256(data).hexdigest(), data[-1] ^ 1
    path.write_bytes(data)
    with pytest.raises(UnfitCheckpoint) as refusal:
        bundle.verify(bundle.read(copy), copy, "panx")
    message = str(refusal.value)
    assert f"part panx has changed: model.safetensors has sha256 {hashlib.sha256(data).hexdigest()}" in message
    assert f"bundle.json says {before}" in message
    bundle.verify(bundle.read(copy), copy, "xnli")  # the others are what they were


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named_with_its_hash(copy: Path, name: str) -> None:
    expected = hashlib.sha256((copy / "panx" / name).read_bytes()).hexdigest()
    (copy / "panx" / name).unlink()
    with pytest.raises(UnfitCheckpoint, match=rf"part panx lacks its file {name} \(sha256 {expected}\)"):
        bundle.verify(bundle.read(copy), copy, "panx")


def test_a_file_that_came_later_is_named(copy: Path) -> None:
    (copy / "panx" / "added_tokens.json").write_text("{}")
    with pytest.raises(
        UnfitCheckpoint, match=r"part panx has a file added_tokens\.json that bundle\.json does not know"
    ):
        bundle.verify(bundle.read(copy), copy, "panx")


def test_a_changed_part_is_refused_before_its_weights_are_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.run_host import run_host
    from xstilts_eval.models.source import Source

    config = json.loads((copy / "xnli" / "config.json").read_text())
    names = list(config["id2label"].values())
    config["id2label"] = {str(index): name for index, name in enumerate(reversed(names))}
    config["label2id"] = {name: index for index, name in enumerate(reversed(names))}
    (copy / "xnli" / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(Source, "load", lambda *_, **__: pytest.fail("weights were read"))
    with pytest.raises(UnfitCheckpoint, match=r"part xnli has changed: config\.json has sha256"):
        run_host(["xtreme.xnli.sw"], copy)


def test_bundles_written_before_hashes_still_load(copy: Path) -> None:
    content = json.loads((copy / "bundle.json").read_text())
    del content["sha256"]
    (copy / "bundle.json").write_text(json.dumps(content))
    (copy / "panx" / "README.json").write_text("{}")
    bundle.verify(bundle.read(copy), copy, "panx")


def test_an_unchanged_file_is_hashed_once(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = bundle.read(copy)
    bundle.verify(manifest, copy, "panx")
    monkeypatch.setattr(hashlib, "sha256", lambda *_: pytest.fail("hashed again"))
    bundle.verify(manifest, copy, "panx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"heads": {"xnli": {"path": "a"}, "xnli": {"path": "b"}}}', "says 'xnli' twice; keep one"),
        ('{"encoder": "a", "encoder": "b"}', "says 'encoder' twice"),
        ('{"heads": {"xnlii": {"path": "a"}}}', "heads: .*no dataset 'xnlii' with a head; known: xnli, pawsx"),
        ('{"heads": {"tatoeba": {"path": "a"}}}', "no dataset 'tatoeba' with a head"),
        ('{"heads": {"xnli": {"path": "a/../../b"}}}', "must be a sub-folder"),
        ('{"heads": {"xnli": {"path": "."}}}', "must be a sub-folder"),
        ('{"heads": {"xnli": {"path": ""}}}', "must be a sub-folder"),
        ('{"encoder": "~/model"}', "must be a sub-folder"),
        ('{"language_model": "../model"}', "must be a sub-folder"),
        ('{"language_model": "a", "encoder": "b"}', "language model 'a' embeds sentences itself; leave .*'b' out"),
        ('{"retrieval": {"modules": [{"kind": "dense", "path": "../x"}]}}', "must be a sub-folder"),
        ('{"heads": {"xnli": {"path": "a", "labels": []}}}', r"heads\.xnli\.labels: is not known here"),
    ],
)
def test_malformed_manifests_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bundle.json").write_text(content)
    with pytest.raises(UnfitCheckpoint, match=message):
        bundle.read(tmp_path)


def test_a_language_model_is_a_part_like_any_other(tmp_path: Path) -> None:
    make_mt5(tmp_path / "lm")
    bundle.write(bundle.Bundle(language_model="lm"), tmp_path)
    manifest = bundle.read(tmp_path)
    assert manifest.paths == ["lm"] == list(manifest.sha256)
    [part] = report(tmp_path)["parts"]
    assert (part["serves"], part["class"]) == ("retrieval, text", "MT5ForConditionalGeneration")
    assert "problem" not in part
    (tmp_path / "lm" / "generation_config.json").write_text("{}")
    with pytest.raises(UnfitCheckpoint, match=r"part lm has changed: generation_config\.json"):
        bundle.verify(manifest, tmp_path, "lm")
    assert "part lm has changed" in report(tmp_path)["parts"][0]["problem"]


def test_bundles_without_a_language_model_do_not_name_one(tmp_path: Path) -> None:
    """Versions that know no language models refuse a manifest with keys they do not know."""
    bundle.write(bundle.Bundle(encoder="owner/name"), tmp_path)
    assert not [key for key in json.loads((tmp_path / "bundle.json").read_text()) if "language" in key]


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UnfitCheckpoint, match=r"is not a bundle: it has no bundle\.json"):
        bundle.read(tmp_path)


# ------------------------------------------------------------------ made from parts


def test_a_bundle_of_folders_and_hub_ids(tiny_bundle: Path, tmp_path: Path) -> None:
    qa = str(tiny_bundle / "qa")
    heads = {"xnli": str(tiny_bundle / "xnli"), "panx": "owner/name@0123abc", "xquad": qa, "mlqa": qa}
    made = bundle.make(tmp_path / "out", str(tiny_bundle / "encoder"), heads, {"panx": "O|B-PER"})
    assert made == bundle.read(tmp_path / "out")
    assert made.encoder == "encoder"
    assert made.heads["panx"] == bundle.Head(path="owner/name", revision="0123abc", label_order=("O", "B-PER"))
    assert made.heads["xquad"].path == made.heads["mlqa"].path == "xquad", "one copy serves both"
    assert set(made.sha256) == {"encoder", "xnli", "xquad"}
    checkpoint = resolve(str(tmp_path / "out"))
    panx = checkpoint.heads["panx"]
    assert (panx.name, panx.revision, panx.on_hub) == ("owner/name", "0123abc", True)
    assert checkpoint.heads["xnli"].identity == fingerprints.identity(tiny_bundle / "xnli")


def test_an_order_may_not_contradict_the_head(tiny_bundle: Path, tmp_path: Path) -> None:
    """When the bundle is made, and when one made elsewhere is loaded: an NLI head must not be turned round."""
    head, order = f"xnli={tiny_bundle / 'xnli'}", "xnli=entailment|contradiction|neutral"
    made = xstilts("bundle", "make", str(tmp_path / "out"), "--head", head, "--label-order", order)
    assert made.returncode == 2 and not (tmp_path / "out").exists()
    told = (
        f"{tiny_bundle / 'xnli'}: --label-order xnli=entailment|contradiction|neutral contradicts the head's own names"
    )
    assert told in made.stderr
    bundle.make(tmp_path / "old", None, {"xnli": str(tiny_bundle / "xnli")}, {"xnli": order.partition("=")[2]})
    with pytest.raises(UnfitCheckpoint, match=r"old/xnli: bundle\.json: label_order=ent.* contradicts the head's own"):
        resolve(str(tmp_path / "old")).check(family("xnli"))
    made = xstilts("bundle", "make", str(tmp_path / "same"), "--head", head, "--label-order", "xnli=C|E|N")
    assert made.returncode == 0, made.stderr
    assert resolve(str(tmp_path / "same")).label_map(family("xnli")).order(family("xnli").labels) == [0, 1, 2]


def test_an_order_needs_its_head(tiny_bundle: Path, tmp_path: Path) -> None:
    heads = {"xnli": str(tiny_bundle / "xnli"), "xquad": str(tiny_bundle / "qa")}
    for name in ("pawsx", "xquad"):
        with pytest.raises(SettingError, match=f"a label order for {name}, but no head of it that has labels"):
            bundle.make(tmp_path / "out", None, heads, {name: "a|b"})


def test_nothing_half_made_is_left(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnfitCheckpoint, match=r"is no checkpoint: it needs config\.json and safetensors weights"):
        bundle.make(tmp_path / "out", str(tiny_bundle / "encoder"), {"xnli": str(tmp_path / "empty")})
    with pytest.raises(UnfitCheckpoint, match="'nowhere' is neither a folder nor a hub id"):
        bundle.make(tmp_path / "out", "nowhere", {})
    with pytest.raises(UnknownName, match="'pansx'; did you mean"):
        bundle.make(tmp_path / "out", None, {"pansx": str(tiny_bundle / "panx")})
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_only_a_bundle_is_replaced_and_only_on_request(tiny_bundle: Path, tmp_path: Path) -> None:
    encoder = str(tiny_bundle / "encoder")
    bundle.make(tmp_path / "out", encoder, {})
    with pytest.raises(SettingError, match="exists"):
        bundle.make(tmp_path / "out", encoder, {})
    bundle.make(tmp_path / "out", None, {"xnli": str(tiny_bundle / "xnli")}, overwrite=True)
    assert not (tmp_path / "out" / "encoder").exists()
    (tmp_path / "other").mkdir()
    with pytest.raises(SettingError, match="exists"):
        bundle.make(tmp_path / "other", encoder, {}, overwrite=True)


# ------------------------------------------------------------------ listed


def test_the_report_lists_every_part(tiny_bundle: Path) -> None:
    parts = {part["serves"]: part for part in report(tiny_bundle)["parts"]}
    assert list(parts) == ["retrieval", "xnli", "pawsx", "udpos", "panx", "xcopa", "xquad", "mlqa", "tydiqa"]
    assert parts["xnli"]["class"] == "BertForSequenceClassification"
    assert parts["xnli"]["labels"] == ["contradiction", "entailment", "neutral"]
    assert parts["panx"]["scheme"] == "iob2"
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    assert parts["panx"]["size_bytes"] == sum((tiny_bundle / "panx" / name).stat().st_size for name in names)
    assert parts["xquad"]["sha256"] == parts["mlqa"]["sha256"] != parts["panx"]["sha256"]
    assert not any("problem" in part for part in parts.values())


def test_show_prints_a_table_and_says_what_is_wrong(copy: Path) -> None:
    (copy / "panx" / "model.safetensors").write_bytes(b"")
    shown = xstilts("bundle", "show", str(copy))
    assert shown.returncode == 1 and not shown.stderr
    assert "BertForSequenceClassification" in shown.stdout and "contradiction, entailment, neutral" in shown.stdout
    assert "part panx has changed" in " ".join(shown.stdout.split())


def test_make_and_show_from_the_command_line(tiny_bundle: Path, tmp_path: Path) -> None:
    head = f"panx={tiny_bundle / 'panx'}"
    twice = xstilts("bundle", "make", str(tmp_path / "out"), "--head", head, "--head", head)
    assert twice.returncode == 2 and "--head is given twice for panx" in twice.stderr
    assert xstilts("bundle", "make", str(tmp_path / "out"), "--head", head).returncode == 0
    shown = xstilts("bundle", "show", str(tmp_path / "out"), "--json")
    assert shown.returncode == 0, shown.stderr
    assert [part["serves"] for part in json.loads(shown.stdout)["parts"]] == ["panx"]

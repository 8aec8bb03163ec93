"""The publishers' archives: addresses, safe unpacking, downloads that break off and go on."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.archives import ANY, ENDINGS, packed, plain_tar, refused
from tests.hub_rows import SAMPLE
from tests.hub_server import Fault, Hub, Repository
from xstilts_eval.benchmark import XTREME, family
from xstilts_eval.data import archives, hub, sources
from xstilts_eval.data.archives import download, unpack
from xstilts_eval.datasets._dataset import Archive
from xstilts_eval.errors import FetchError, MissingData

URL = "https://example.org/a/data.bin"
CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()
    hub.repositories["archives"] = Repository({"": {"example.org/a/data.bin": CONTENT}})
    hub.start()
    monkeypatch.setenv(archives.BASE, f"{hub.endpoint}/archives")
    monkeypatch.setattr(archives, "sleep", lambda seconds: None)
    yield hub
    hub.stop()


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _tar(path: Path, members: dict[str, bytes], *links: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for link in links:
            file.addfile(link)
    return path


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "C:\\out", "a\\..\\..\\out"])
def test_members_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    for make, ending in ((_zip, "zip"), (_tar, "tgz")):
        source = make(tmp_path / f"x.{ending}", {name: b"x"})
        with pytest.raises(FetchError, match="would be written outside the folder"):
            unpack(source, [Archive("u", r"in/\g<0>", "good")], tmp_path / "in")
    assert not (tmp_path / "out").exists() and not list(tmp_path.rglob("in/*"))


def test_links_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(FetchError, match="member 'link' is a link"):
        unpack(_tar(tmp_path / "x.tgz", {}, link), ANY, tmp_path)
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    with pytest.raises(FetchError, match="member 'link' is a link"):
        unpack(tmp_path / "x.zip", ANY, tmp_path)


def test_large_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBER_BYTES", 10)
    with pytest.raises(FetchError, match=r"too large \(11 bytes\)"):
        unpack(_zip(tmp_path / "x.zip", {"a": b"x" * 11}), ANY, tmp_path)


def test_only_wanted_members_are_written(tmp_path: Path) -> None:
    source = _tar(tmp_path / "x.tgz", {"x-final/ko/test_2k.tsv": b"1", "x-final/ko/train.tsv": b"2"})
    written = unpack(source, list(archives.archives(family("pawsx"), "ko", "test")), tmp_path / "out")
    assert written == ["pawsx/x-final/ko/test_2k.tsv"]
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["test_2k.tsv"]


def test_something_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"<html>not here</html>")
    with pytest.raises(FetchError, match="not an archive that can be read"):
        unpack(tmp_path / "x.zip", ANY, tmp_path)


def test_members_that_are_too_long_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "TOTAL_BYTES", 25)
    for make, ending in ((_zip, "zip"), (_tar, "tgz")):
        source = make(tmp_path / f"x.{ending}", {name: b"x" * 10 for name in "abc"})
        with pytest.raises(FetchError, match="longer than 25 bytes together"):
            unpack(source, ANY, tmp_path / ending)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_cut_off_archive_passes_unseen(tmp_path: Path, ending: str) -> None:
    source = packed(tmp_path / f"x.{ending}")
    whole = source.read_bytes()
    for length in range(0, len(whole), 7):
        source.write_bytes(whole[:length])
        assert refused(source, tmp_path / str(length)), f"{length} of {len(whole)} bytes are enough"


def test_a_damaged_header_of_a_plain_tar(tmp_path: Path) -> None:
    """Behind the first member `tarfile` takes it for the end."""
    source = tmp_path / "x.tar"
    damaged = bytearray(plain_tar())
    damaged[damaged.index(b"UD/two")] ^= 1
    source.write_bytes(damaged)
    with pytest.raises(FetchError, match="a header behind the first member is damaged"):
        unpack(source, ANY, tmp_path / "out")


def test_download_counts_bytes_and_is_kept(server: Hub, tmp_path: Path) -> None:
    counts: list[int] = []
    path, digest = download(URL, tmp_path, advance=counts.append)
    assert path.read_bytes() == CONTENT and sum(counts) == len(CONTENT)
    assert digest == hashlib.sha256(CONTENT).hexdigest()
    before = len(server.requests)
    assert download(URL, tmp_path)[0] == path and len(server.requests) == before


def test_a_broken_connection_is_taken_up_where_it_stopped(server: Hub, tmp_path: Path) -> None:
    server.faults["data.bin"] = Fault("die", times=2)
    path, _ = download(URL, tmp_path)
    assert path.read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert [asked for _, _, asked in server.requests] == ["", f"bytes={half}-", f"bytes={half + half // 2}-"]


def test_a_later_call_goes_on_with_the_part(server: Hub, tmp_path: Path) -> None:
    server.faults["data.bin"] = Fault("die", times=1)
    server.faults["a/data.bin"] = Fault("status", status=503)
    with pytest.raises(FetchError, match=r"cannot be downloaded .*call the same command again"):
        download(URL, tmp_path)
    (part,) = tmp_path.glob("*.part")
    assert 0 < part.stat().st_size < len(CONTENT) and not list(tmp_path.glob("*-data.bin"))
    server.faults.clear()
    asked = len(server.requests)
    path, _ = download(URL, tmp_path)
    assert path.read_bytes() == CONTENT and not list(tmp_path.glob("*.part*"))
    assert [one[2] for one in server.requests[asked:]] == [f"bytes={len(CONTENT) // 2}-"]


def test_wrong_checksum_deletes_the_file(server: Hub, tmp_path: Path) -> None:
    server.faults["data.bin"] = Fault("corrupt")
    with pytest.raises(FetchError, match=r"the file has sha256 \w{12}… where \w{12}… is pinned; it was deleted"):
        download(URL, tmp_path, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert not list(tmp_path.iterdir())


def test_moved_archive(server: Hub, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"the server answers 404 .*use --from hub"):
        download("https://example.org/gone.zip", tmp_path)


def test_nobody_listens(tmp_path: Path, server: Hub) -> None:
    server.stop()
    with pytest.raises(FetchError, match=r"cannot be downloaded .*refused"):
        download(URL, tmp_path)


def test_a_silent_server_times_out(server: Hub, tmp_path: Path) -> None:
    server.faults["data.bin"] = Fault("slow", pause=0.5)
    with pytest.raises(FetchError, match=r"timed out.*--timeout"):
        download(URL, tmp_path, timeout=0.1)


def test_addresses() -> None:
    """Facts of google-research/xtreme @ 838c13b, scripts/download_data.sh."""
    urls = {
        one.name: archives.archives(one, "fr" if one.name == "bucc2018" else one.languages[0], "test")[0].url
        for one in XTREME
        if one.name != "panx"
    }
    assert urls["pawsx"] == "https://storage.googleapis.com/paws/pawsx/x-final.tar.gz"
    assert urls["bucc2018"] == "https://comparable.limsi.fr/bucc2018/bucc2018-fr-en.training-gold.tar.bz2"
    assert urls["mlqa"] == "https://dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip"
    assert urls["xnli"] == "https://dl.fbaipublicfiles.com/XNLI/XNLI-1.0.zip"
    assert urls["tatoeba"].endswith("/74bc6ae7ffb7cba670fe0f428d0ede9f666fb821/data/tatoeba/v1/tatoeba.ara-eng.ara")
    with pytest.raises(MissingData, match=r"AmazonPhotos.zip"):
        archives.archives(family("panx"), "sw", "test")


def test_addresses_of_xtreme_r() -> None:
    """UD v2.7's handle: scripts/download_data.sh:58-73; the commits of XCOPA and LAReQA: those that were read."""
    polish, turkish = (archives.archives(family("xtremer_udpos"), code, "test")[0] for code in ("pl", "tr"))
    assert polish.url.endswith("/11234/1-3424/ud-treebanks-v2.7.tgz")
    assert turkish.url.endswith("/11234/1-3105/ud-treebanks-v2.5.tgz")
    assert polish.place("ud-treebanks-v2.7/UD_Polish-LFG/pl_lfg-ud-test.conllu") is not None
    assert polish.place("ud-treebanks-v2.5/UD_Polish-LFG/pl_lfg-ud-test.conllu") is None
    (xcopa,) = archives.archives(family("xcopa"), "qu", "dev")
    assert xcopa.url.endswith("/e2e9d7f105a758ee869cd13e0fe251ef93a29840/data/qu/val.qu.jsonl")
    assert xcopa.path == "xcopa/data/qu/val.qu.jsonl"
    (lareqa,) = archives.archives(family("lareqa"), "th", "test")
    assert lareqa.url.endswith("/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r/th.json")
    with pytest.raises(MissingData, match=r"get-mewsli-x\.sh"):
        archives.archives(family("mewslix"), "de", "test")
    with pytest.raises(MissingData, match="xtremer_xcopa has no train data; it has test and dev"):
        archives.archives(family("xcopa"), "qu", "train")


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("xcopa", "qu", "no commit of XCOPA on the hub is known here"),
        ("lareqa", "de", "the hub has no copy of LAReQA"),
        ("mewslix", "de", "no copy of Mewsli-X"),
        ("xtremer_udpos", "wo", "no UD-POS in 'wo', which XTREME-R added"),
        ("xtremer_panx", "qu", "no PAN-X in 'qu', which XTREME-R added"),
    ],
)
def test_what_the_hub_does_not_have(name: str, code: str, reason: str) -> None:
    with pytest.raises(MissingData, match=reason):
        hub.plan(family(name), code, "test")
    assert hub.plan(family("xtremer_udpos"), "tr", "test") == hub.plan(family("udpos"), "tr", "test")


def test_fetch_from_archives(server: Hub, tmp_path: Path) -> None:
    """Through the command line, from archives made of the sample; then the same examples as the sample's."""
    content = server.repositories["archives"].commits[""]
    lindat = "lindat.mff.cuni.cz/repository/xmlui/bitstream/handle/11234/1-3105/ud-treebanks-v2.5.tgz"
    names = [path.relative_to(SAMPLE).as_posix() for path in SAMPLE.rglob("*") if path.is_file()]
    members = {name: (SAMPLE / name).read_bytes() for name in names}
    treebanks = {name: one for name, one in members.items() if name.startswith("ud-treebanks")}
    content[lindat] = _tar(tmp_path / "ud.tgz", treebanks).read_bytes()
    mlqa = {name: one for name, one in members.items() if name.startswith("MLQA_V1")}
    content["dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip"] = _zip(tmp_path / "m.zip", mlqa).read_bytes()
    for name in ("sample", "training"):
        bucc = {one: members[one] for one in members if one.startswith(f"bucc2018/zh-en/zh-en.{name}")}
        url = f"comparable.limsi.fr/bucc2018/bucc2018-zh-en.{name}-gold.tar.bz2"
        content[url] = _tar(tmp_path / "b.tgz", bucc).read_bytes()
    content["dl.fbaipublicfiles.com/XNLI/XNLI-1.0.zip"] = content["dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip"]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "xstilts_eval.cli", "data", "fetch", *arguments, "--from", "archives"]
        environment = server.environment(tmp_path)
        return subprocess.run([*command, "-o", str(tmp_path / "out")], env=environment, capture_output=True, text=True)

    done = call("udpos", "mlqa", "bucc2018", "--languages", "zh,hi")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 tasks fetched, 0 already there, 0 not to be had from archives"), done.stdout
    assert call("bucc2018", "--languages", "zh", "--split", "dev").returncode == 0
    for name, language, split in [("udpos", "hi", "test"), ("mlqa", "zh", "test"), ("bucc2018", "zh", "dev")]:
        made = sources.load(family(name), language, split, tmp_path / "out")
        assert made.examples == sources.load(family(name), language, split, SAMPLE).examples
    assert sum(path.endswith("ud-treebanks-v2.5.tgz") for _, path, _ in server.requests) == 1
    wrong = call("xnli")
    assert wrong.returncode == 2 and wrong.stderr.count("xstilts: error: ") == 1
    assert "where 4ba1d5e1afdb… is pinned" in wrong.stderr
    assert not (tmp_path / "out/xnli").exists() and not list((tmp_path / "out").glob(".fetching*"))

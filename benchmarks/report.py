"""Kept results to the tables of docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import precision, scale
from xstilts_eval.writing import write_atomically

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- begin: written by python -m benchmarks -->", "<!-- end -->"

Result = dict[str, Any]


def keep(result: Result, folder: Path = RESULTS) -> None:
    """Write one result as ``<name>.json``, whole or not at all."""
    write_atomically(folder / f"{result['name']}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def kept(names: Sequence[str], folder: Path = RESULTS) -> list[Result]:
    """The kept results of `names` that are there, in the order of `names`."""
    paths = [folder / f"{name}.json" for name in names]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def tables(results: Sequence[Result]) -> str:
    """All results as Markdown: ratios, costs, curves, and the machines they were measured on."""
    machines: list[Any] = []
    for result in results:
        if result["machine"] not in machines:
            machines.append(result["machine"])
    kinds = (
        ("ratio", _ratio_table),
        ("cost", _cost_table),
        ("curve", _curve_table),
        ("parity", _parity_table),
        ("scale", _scale_table),
        ("gpu", gpu_table),
    )
    parts = [table(found) for kind, table in kinds if (found := [r for r in results if r["kind"] == kind])]
    if not parts:
        return "Nothing is measured yet."
    several = len(machines) > 1
    for number, found in enumerate(machines, start=1):
        names = ", ".join(f"`{r['name']}`" for r in results if r["machine"] == found)
        parts.append(f"{f'Machine of {names}' if several else 'Machine'}: {_machine(found)}.")
        assert number
    return "\n\n".join(parts)


def write(results: Sequence[Result], page: Path = PAGE) -> None:
    """Replace what stands between the two marks of `page`."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    write_atomically(page, f"{head}{BEGIN}\n\n{tables(results)}\n\n{END}{tail}")


def written(page: Path = PAGE) -> str:
    """What stands between the marks of `page`."""
    return page.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def lines(result: Result) -> list[str]:
    """One result for the terminal."""
    if result["kind"] == "ratio":
        return [
            f"{result['name']}: {_ratio(peer['ratio'])} x {peer['name']}{_wanted(peer['target'], 'at least')}; "
            f"{peer['agreement']}{_work(result, peer)}"
            for peer in result["peers"]
        ]
    if result["kind"] == "cost":
        shown = [f"{result['name']}: {_value(result['value'])} {result['unit']}{_wanted(result['target'], 'at most')}"]
        return shown + [f"    {name}: {_value(part)} {result['unit']}" for name, part in result["parts"].items()]
    return [
        f"{result['name']}: {point['n']:,}: {point['mib']:,.0f} MiB, {point['seconds']:.1f} s"
        for point in result["points"]
    ]


def _ratio_table(results: Sequence[Result]) -> str:
    rows = [
        "| job | faster than | by (median, quartiles) | wanted | results | what limits it |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        job = f"**{result['title']}**<br>{result['inputs']}"
        for number, peer in enumerate(result["peers"]):
            target = f"{peer['target']:g}" if peer["target"] else "–"
            limits = "" if number else result["limits"]
            first = "" if number else job
            rows.append(
                f"| {first} | {peer['name']} | {_ratio(peer['ratio'])} | {target} | {peer['agreement']}"
                f"{_work(result, peer)} | {limits} |"
            )
    return "\n".join(rows)


def _work(result: Result, peer: Result) -> str:
    """The peer's token positions over ours, and the ratio if all of our time but matrix products took none."""
    if not (ours := result.get("positions")):
        return ""
    told = f"; {peer['positions']:,} token positions for {ours:,} ({peer['positions'] / ours:.2f} times)"
    if products := result.get("products"):
        told += f"; matrix products {products:.0%} of our time: {peer['ratio']['median'] / products:.1f} at most"
    return told


def _cost_table(results: Sequence[Result]) -> str:
    rows = ["| cost | median (quartiles) | wanted | where it goes | what limits it |", "|---|---|---|---|---|"]
    for result in results:
        target = f"≤ {result['target']:g} {result['unit']}" if result["target"] else "–"
        parts = "<br>".join(f"{name} {part['median']:.2f}" for name, part in result["parts"].items()) or "–"
        rows.append(
            f"| **{result['title']}**<br>{result['inputs']} | {_value(result['value'])} {result['unit']} | {target} | "
            f"{parts} | {result['limits']} |"
        )
    return "\n".join(rows)


def _curve_table(results: Sequence[Result]) -> str:
    tables = []
    for result in results:
        head = f"**{result['title']}**: {result['inputs']}\n\n"
        head += "| n | memory beyond the input, MiB | seconds | planted pairs found |\n|---|---|---|---|\n"
        rows = [
            f"| {point['n']:,} | {point['mib']:,.0f} | {point['seconds']:,.1f} | "
            f"{'–' if 'planted' not in point else format(point['planted'], ',')} |"
            for point in result["points"]
        ]
        tables.append(head + "\n".join(rows) + f"\n\n{result['limits']}")
    return "\n\n".join(tables)


def _scale_table(results: Sequence[Result]) -> str:
    tables = []
    for result in results:
        head = f"**{result['title']}**: {result['inputs']}\n\n"
        head += "| | documents | processor seconds | seconds | MiB | exponent of processor seconds, of MiB |\n"
        head += "|---|---|---|---|---|---|\n"
        by_what: dict[str, list[Result]] = {}
        for row in result["rows"]:
            by_what.setdefault(row["what"], []).append(row)
        rows = []
        for what, found in by_what.items():
            fits = [scale.exponent(found, measure) for measure in ("processor_seconds", "mib")]
            shown = ", ".join("–" if fit is None else f"{fit:.2f}" for fit in fits)
            for row in found:
                rows.append(
                    f"| {what} | {row['documents']:,} | {row['processor_seconds']:,.1f} | {row['seconds']:,.1f} | "
                    f"{row['mib']:,} | {shown if row is found[-1] else ''} |"
                )
        tables.append(head + "\n".join(rows) + f"\n\n{result['limits']}")
    return "\n\n".join(tables)


def _parity_table(results: Sequence[Result]) -> str:
    return "\n\n".join(map(precision.table, results))


def gpu_table(results: Sequence[Result]) -> str:
    """What `benchmarks.gpu` measured: rates, their share of what matrix products reach, parity, mining."""
    tables = []
    for result in results:
        size, trained, parity, mined = (result[name] for name in ("size", "training", "parity", "mining"))
        head = f"**{result['device']}**: an XLM-R-shaped encoder ({size['layers']} blocks of width {size['width']}), "
        head += f"bfloat16; matrix products of {size['matrix']:,} x {size['matrix']:,}: "
        head += f"{result['peak_tflops']:,.4g} TFLOP/s\n\n"
        head += "| work | tokens/s | share of the products' rate |\n|---|---|---|\n"
        rows = [
            *result["forward"],
            trained | {"name": f"training, {trained['rows']} x {trained['length']} tokens a step"},
        ]
        body = "\n".join(
            f"| {row['name']} | {row['tokens_per_second']:,.0f} | {row['share_of_products']:.0%} |" for row in rows
        )
        memory = f" Peak memory of training: {trained['peak_gib']:.1f} GiB." if trained["peak_gib"] is not None else ""
        end = f"Against the CPU in float32: logits within {parity['largest_difference']:.1e}, "
        end += f"{parity['classes_that_differ']} of {parity['rows']} classes differ.{memory} Mining {mined['n']:,} x "
        end += f"{mined['n']:,} on the processor: {mined['seconds']:,.1f} s."
        tables.append(f"{head}{body}\n\n{end}")
    return "\n\n".join(tables)


def _machine(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, {found['memory_gib']} GiB, {found['threads']} threads, "
        f"{found['system']}, Python {found['python']}, {versions}"
    )


def _ratio(summary: dict[str, float]) -> str:
    return f"{summary['median']:.2f} ({summary['lower']:.2f}–{summary['upper']:.2f})"


def _value(summary: dict[str, float]) -> str:
    return f"{summary['median']:.2f} ({summary['lower']:.2f}–{summary['upper']:.2f})"


def _wanted(target: float | None, word: str) -> str:
    return f" (wanted: {word} {target:g})" if target else ""

"use strict";
// Sorting: numbers as numbers, what is missing last in both directions; a third click brings the first order back.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const first = [...body.rows];
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const head = button.closest("th");
    const before = head.getAttribute("aria-sort");
    const isNumber = head.classList.contains("n");
    const order = isNumber ? ["descending", "ascending"] : ["ascending", "descending"];
    const after = before === order[0] ? order[1] : before === order[1] ? null : order[0];
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (after) head.setAttribute("aria-sort", after);
    const sign = after === "descending" ? -1 : 1;
    const key = (row) => {
      const cell = row.cells[head.cellIndex];
      if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
      const text = cell.textContent.trim();
      return isNumber || text === "–" || text === "" ? null : text;
    };
    const compare = (a, b) => {
      const pinned = b.classList.contains("pinned") - a.classList.contains("pinned");
      if (pinned) return pinned;
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en"));
    };
    body.append(...(after ? [...first].sort(compare) : first));
  });
}

// Filtering: a row stays when it holds every word.
for (const input of document.querySelectorAll("input[type=search]")) {
  const rows = [...document.getElementById(input.getAttribute("aria-controls")).tBodies[0].rows];
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
  const count = input.closest(".tools").querySelector(".count");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, place) => { row.hidden = !words.every((word) => texts[place].includes(word)); });
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}

// A table as others take it: rows that are shown, in the order that is shown.
const shownRows = (table) => [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter((row) => !row.hidden)];
const texts = (row) => [...row.cells].map((cell) => cell.textContent.trim().replace(/\s+/g, " "));
const isNumeric = (text) => /^[+-]?[\d.,]+( ±[\d.]+)?[ᵖ†*]?$/.test(text.replace("−", "-"));
const forms = {
  copy: (rows) => rows.map((row) => row.join("\t")).join("\n"),
  csv: (rows) => rows.map((row) => row.map((text) => {
    const safe = /^[=+\-@\t\r]/.test(text) && !isNumeric(text) ? `'${text}` : text; // a spreadsheet computes nothing
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }).join(",")).join("\n"),
  latex: (rows) => {
    const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "−": "$-$", "–": "--", "†": "$\\dagger$" };
    const tex = (text) => text.replace(/[\\~^±−–†]|[&%$#_{}]/g, (sign) => special[sign] ?? `\\${sign}`);
    const lines = rows.map((row) => `${row.map(tex).join(" & ")} \\\\`);
    return [`\\begin{tabular}{l${"r".repeat(rows[0].length - 1)}}`, "\\toprule", lines[0], "\\midrule", ...lines.slice(1),
      "\\bottomrule", "\\end{tabular}"].join("\n");
  },
};
const toClipboard = async (text) => {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};
for (const takes of document.querySelectorAll(".takes")) {
  takes.hidden = false;
  const table = document.getElementById(takes.dataset.table);
  takes.addEventListener("click", async (event) => {
    const how = event.target.dataset.as;
    if (!how) return;
    const text = `${forms[how](shownRows(table).map(texts))}\n`;
    if (how === "csv") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = `${table.id}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } else await toClipboard(text);
    takes.closest(".tools").querySelector(".count").textContent = how === "csv" ? `${table.id}.csv` : "copied";
  });
}

// Lines of a heat map in another order: English first, what is not known last.
for (const select of document.querySelectorAll(".order select")) {
  select.closest(".order").hidden = false;
  select.addEventListener("change", () => {
    for (const drawing of document.querySelectorAll(`#${select.getAttribute("aria-controls")} svg`)) {
      const lines = [...drawing.querySelectorAll("g[data-y]")];
      const known = (value) => (value === "~" ? "2" : `1${value}`);
      const key = (line) => [line.dataset.code === "en" ? "0" : known(line.dataset[select.value]), line.dataset.code].join(" ");
      const top = Math.min(...lines.map((line) => Number(line.dataset.y)));
      [...lines].sort((a, b) => key(a).localeCompare(key(b), "en")).forEach((line, place) => {
        line.setAttribute("transform", `translate(0 ${top + place * line.dataset.high - line.dataset.y})`);
      });
    }
  });
}

// What a mark, a cell or a heading has to say, on hover, tap and keyboard focus.
const tip = document.getElementById("tip");
const show = (element, x, y) => {
  tip.textContent = element.dataset.tip;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(6, Math.min(x + 12, innerWidth - box.width - 6))}px`;
  tip.style.top = `${y + 16 + box.height > innerHeight ? Math.max(6, y - box.height - 10) : y + 16}px`;
};
const hide = () => { tip.hidden = true; };
document.addEventListener("pointermove", (event) => {
  const element = event.target.closest("[data-tip]");
  if (element) show(element, event.clientX, event.clientY); else hide();
});
document.addEventListener("pointerdown", (event) => {
  const element = event.target.closest("[data-tip]");
  if (element) show(element, event.clientX, event.clientY); else hide();
});
document.addEventListener("focusin", (event) => {
  const element = event.target.closest("[data-tip]");
  if (!element || !element.matches(":focus-visible")) return;
  const box = element.getBoundingClientRect();
  show(element, box.left, box.bottom - 8);
});
document.addEventListener("focusout", hide);
document.addEventListener("scroll", hide, { passive: true, capture: true });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

// A link to a folded table opens it.
const unfold = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const fold = target && target.closest("details");
  if (fold && !fold.open) { fold.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", unfold);
unfold();

// System, light, dark; remembered where the browser allows it.
const themes = ["system", "light", "dark"];
const button = document.getElementById("theme");
const memory = (value) => {
  try {
    if (value !== undefined) localStorage.setItem("xstilts-theme", value);
    return localStorage.getItem("xstilts-theme");
  } catch { return null; }
};
const dress = (theme) => {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
};
let theme = themes.includes(memory()) ? memory() : "system";
dress(theme);
button.addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  dress(theme);
  memory(theme);
});

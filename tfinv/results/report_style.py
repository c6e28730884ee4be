"""The look of report.html and its few lines of behaviour, inline so that nothing is loaded."""

from __future__ import annotations

__all__ = ["CSS", "POLICY", "SCRIPT"]

# Names of files are strangers' text. Escaping makes them harmless; this says so to the browser.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

CSS = """
:root { color-scheme: light dark; --ink: #1c1d20; --soft: #6b6f76; --line: #dcdee2;
  --paper: #ffffff; --panel: #f6f7f8; --accent: #2f6fb7; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e5e8; --soft: #989ca5; --line: #34373d;
  --paper: #17181b; --panel: #1f2125; --accent: #7db0e8; --bad: #ef8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.5rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; font-weight: 600; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; font-weight: 600; margin: 2.5rem 0 .7rem; }
p { margin: .3rem 0; max-width: 54rem; } .soft { color: var(--soft); } .bad { color: var(--bad); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem 0 .35rem 2rem; border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--soft); }
tr > :first-child { text-align: left; padding-left: 0; }
.wide { overflow-x: auto; white-space: nowrap; }
.failures :is(td, th) { text-align: left; overflow-wrap: anywhere; }
.plot svg { width: 100%; max-width: 44rem; height: auto; }
.plot svg text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif !important; }
.sort { display: flex; flex-wrap: wrap; gap: .5rem; align-items: baseline; margin: .8rem 0 .4rem; }
button { font: inherit; font-size: .9rem; color: var(--ink); background: var(--panel);
  border: 1px solid var(--line); border-radius: 6px; padding: .2rem .7rem; cursor: pointer; }
button[aria-pressed=true] { border-color: var(--accent); color: var(--accent); }
.image { border-top: 1px solid var(--line); padding: 1rem 0 1.1rem; }
.image h3 { font-size: .95rem; font-weight: 600; margin: 0 0 .6rem; overflow-wrap: anywhere; }
.image h3 span { font-weight: 400; color: var(--soft); margin-left: .6rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; min-width: 9.4rem; }
figcaption { font-size: .82rem; line-height: 1.4; color: var(--soft); margin-top: .3rem;
  font-variant-numeric: tabular-nums; }
figcaption b { color: var(--ink); font-weight: 500; }
img { display: block; image-rendering: pixelated; } .none { background: var(--panel); }
details { margin-top: 2.5rem; } summary { cursor: pointer; color: var(--soft); }
pre { background: var(--panel); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto;
  font-size: .85rem; }
@media print { .sort { display: none; } .image { break-inside: avoid; } }
"""

SCRIPT = """
const list = document.getElementById("images");
const buttons = document.querySelectorAll(".sort button");
const keys = { index: 1, worst: -1, best: 1 };
for (const button of buttons) button.addEventListener("click", () => {
  const how = button.dataset.sort, field = how === "index" ? "index" : "rmse";
  [...list.children]
    .sort((a, b) => keys[how] * (a.dataset[field] - b.dataset[field]))
    .forEach((image) => list.append(image));
  buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
});
"""

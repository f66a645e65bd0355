"""The look of the page: system fonts, generous space, aligned figures; the same on paper."""

from __future__ import annotations

__all__ = ["CSS"]

CSS = """
:root { --ink: #1d2733; --muted: #56616e; --line: #dfe3e8; --soft: #f5f7f9; --accent: #22407f; --warn: #96164a; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
main, header.top, footer { max-width: 1128px; margin: 0 auto; padding: 0 44px; }
h1, h2, h3.claim { font-family: Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, "DejaVu Serif", serif; text-wrap: pretty; }
h1 { font-size: 32px; line-height: 1.2; font-weight: 600; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 24px; font-weight: 600; margin: 76px 0 6px; padding-top: 22px; border-top: 2px solid var(--ink); }
h3 { font-size: 16px; margin: 34px 0 8px; }
h4 { font-size: 13px; font-weight: 600; margin: 14px 0 6px; }
h3.claim { font-size: 19px; line-height: 1.32; font-weight: 600; margin: 0 0 4px; }
p { margin: 0 0 10px; max-width: 78ch; }
a { color: var(--accent); }
svg { display: block; max-width: 100%; height: auto;
  font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
header.top { padding-top: 34px; }
.kicker { color: var(--muted); font-size: 13px; letter-spacing: 0.04em; text-transform: uppercase; margin: 0 0 10px; }
.lead { font-size: 16px; color: var(--muted); max-width: 90ch; }
dl.facts { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 20px 0 0; font-size: 12.5px; }
dl.facts div { display: flex; gap: 8px; } dl.facts dt { color: var(--muted); }
dl.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.answer { font-size: 19px; line-height: 1.4; max-width: none; margin: 0 0 10px; text-wrap: pretty; }
.alert { margin: 0 0 10px; padding: 4px 12px; border-left: 3px solid var(--warn); background: var(--soft); max-width: none; }
.first { display: grid; grid-template-columns: minmax(0, 700px) minmax(250px, 1fr); gap: 0 34px; align-items: start; }
.first .figure { margin-top: 26px; } .first h3.claim { font-size: 17px; } .binds { margin-top: 26px; } .binds h3 { margin-top: 0; }
.binds ol { margin: 0; padding: 0; list-style: none; } .binds li { border-top: 1px solid var(--line); padding: 7px 0; line-height: 1.4; }
.binds li b { display: block; font-size: 14px; overflow-wrap: anywhere; } .binds li span { color: var(--muted); font-size: 13px; }
.binds li small { display: block; color: var(--muted); font-size: 11px; overflow-wrap: anywhere; }
.terms { margin: 36px 0 0; padding: 14px 20px; background: var(--soft); border-left: 3px solid var(--accent); font-size: 14px; }
.terms h3 { margin: 0 0 8px; } .terms ol { margin: 0; padding-left: 22px; } .terms li { margin: 0 0 4px; }
.headline { display: grid;
  grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 18px 24px; margin: 18px 0 0; padding: 0; list-style: none; }
.headline li { border-top: 1px solid var(--ink); padding-top: 8px; min-width: 0; }
.headline b { display: block; font-size: 25px; line-height: 1.2; font-weight: 600; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.headline span { display: block; color: var(--muted); font-size: 13px; line-height: 1.4; }
.headline .reach { color: var(--ink); font-weight: 600; }
.figure { margin: 52px 0 0; break-inside: avoid; min-width: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 44px; } .pair .figure { margin-top: 52px; }
.figure .sub { color: var(--muted); font-size: 13px; margin: 0 0 16px; max-width: none; }
.figure .number { color: var(--muted); font: 600 13px system-ui, Arial, "DejaVu Sans", sans-serif; margin: 0 0 4px; }
details { margin-top: 12px; font-size: 13px; } summary { cursor: pointer; color: var(--accent); width: fit-content; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.scroll { overflow-x: auto; margin-top: 10px; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.35; }
caption { text-align: left; font-weight: 600; padding: 4px 0; }
th, td { padding: 5px 16px 5px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
table.assumptions { width: 100%; table-layout: fixed; } table.assumptions th:nth-child(-n+2) { width: 20%; }
table.assumptions th:nth-child(3), table.assumptions th:nth-child(4) { width: 9%; } table.assumptions th:nth-child(7) { width: 13%; }
td.day { white-space: nowrap; } td.n + td:not(.n), th.n + th:not(.n) { padding-left: 18px; }
th { font-weight: 600; vertical-align: bottom; border-bottom: 1px solid var(--ink); overflow-wrap: normal; }
td.n, th.n { text-align: right; padding: 5px 0 5px 18px; white-space: nowrap; } th.n { white-space: normal; }
th .unit { display: block; color: var(--muted); font-weight: 400; }
tr.total th, tr.total td { font-weight: 600; border-top: 1px solid var(--ink); } tr.sub th, tr.sub td { font-weight: 600; }
tbody th { font-weight: 400; border-bottom: 1px solid var(--line); vertical-align: top; } tr.line th { padding-left: 14px; }
tr.base td { font-weight: 600; background: var(--soft); }
table.cases, table.years { width: 100%; } table.years thead th:first-child { width: 24%; }
.beside { display: grid; grid-template-columns: 1fr 1fr; gap: 0 44px; align-items: start; }
table.cases td:first-child { min-width: 90px; max-width: 190px; }
table.cases td { padding-top: 8px; padding-bottom: 8px; }
.note { color: var(--muted); font-size: 13px; margin-top: 8px; }
.empty { color: var(--muted); border: 1px dashed var(--line); padding: 18px; margin-top: 10px; }
.badge { display: inline-block; white-space: nowrap; border: 1px solid var(--line); border-radius: 3px; padding: 0 6px; font-size: 12px; }
nav { margin-top: 16px; font-size: 13px; } nav a { margin-right: 18px; white-space: nowrap; }
footer { margin-top: 90px; padding-bottom: 60px; color: var(--muted); font-size: 13px; }
@media screen and (max-width: 860px) {
  main, header.top, footer { padding-left: 20px; padding-right: 20px; }
  .pair, .beside, .first { grid-template-columns: minmax(0, 1fr); } .headline { grid-template-columns: 1fr 1fr; }
  .figure > svg { min-width: 640px; } .figure, .scroll { overflow-x: auto; }
}
@media print {
  @page { size: A4; margin: 13mm 12mm; }
  body { font-size: 9.5pt; } h1 { font-size: 19pt; } h2 { font-size: 15pt; } h3.claim { font-size: 11.5pt; }
  main, header.top, footer { max-width: none; padding: 0; }
  header.top { padding-top: 0; } details.twin, nav { display: none; }
  h2 { break-before: page; margin-top: 0; } h2, h3, h3.claim { break-after: avoid; }
  tr, .figure { break-inside: avoid; } .scroll { overflow: visible; } table { font-size: 7.5pt; } td.n, th.n { padding-left: 9px; }
  th, td { padding-right: 9px; } td.n, th.n { padding-right: 0; }
  .figure, .pair .figure { margin-top: 22px; } .headline { gap: 14px; margin: 16px 0 0; } .headline b { font-size: 15pt; }
  .first { grid-template-columns: minmax(0, 13fr) minmax(0, 6fr); gap: 0 22px; } .answer { font-size: 11.5pt; }
  .binds li span, .headline span { font-size: 8pt; }
  .binds li b { font-size: 8.5pt; } .terms { font-size: 8.5pt; margin-top: 12px; }
  .sub, .figure .sub { font-size: 8pt; margin-bottom: 8px; } a { color: inherit; text-decoration: none; }
  svg, .terms, tr.base td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

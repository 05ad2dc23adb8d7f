// [data-metric]: the chart of a metric, its legend and the table of its values. The legend shows the values at the
// pointer, which are those of the table's row for that column; without a script the table has them all the same.
import { everywhere } from "./swap.js";

const NS = "http://www.w3.org/2000/svg";
const NONE = "\u2013";
const TITLE = "At pointer";

/** The table's row of the column at a time. @param {HTMLTableElement} table @param {number} ms */
function rowAt(table, ms) {
  const step = Number(table.dataset.step);
  return [...table.tBodies[0].rows].find((row) => Number(row.dataset.start) <= ms && ms < Number(row.dataset.start) + step);
}

/** @param {Element} panel @param {string} title @param {(line: number) => string} value */
function fill(panel, title, value) {
  const head = panel.querySelector("[data-metric-legend] th[data-at]");
  if (head && head.textContent !== title) head.textContent = title;
  panel.querySelectorAll("[data-metric-legend] td[data-at]").forEach((cell, line) => { cell.textContent = value(line); });
}

/** @param {SVGSVGElement} svg @param {number} x in units of the viewBox */
function mark(svg, x) {
  let line = svg.querySelector(".at");
  if (!line) {
    line = document.createElementNS(NS, "line");
    line.setAttribute("class", "at");
    line.setAttribute("y1", "8");
    line.setAttribute("y2", String(svg.viewBox.baseVal.height - 20));
    svg.append(line);
  }
  line.setAttribute("x1", String(x));
  line.setAttribute("x2", String(x));
}

/** @param {PointerEvent} event */
function show(event) {
  const svg = /** @type {Element} */ (event.target).closest?.("[data-metric] svg.lines");
  if (!(svg instanceof SVGSVGElement)) return;
  const panel = /** @type {Element} */ (svg.closest("[data-metric]"));
  const table = panel.querySelector("table[data-metric-values]");
  if (!(table instanceof HTMLTableElement)) return;
  const box = svg.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  const [left, right, from, to] = ["left", "right", "from", "to"].map((name) => Number(svg.dataset[name]));
  if (x < left || x > right) return clear(event);
  const ms = from + ((x - left) / (right - left)) * (to - from);
  const row = rowAt(table, ms);
  mark(svg, x);
  const time = row?.cells[0].textContent?.trim().split(" ").at(-1) ?? TITLE;
  fill(panel, row ? time : TITLE, (line) => row?.cells[line + 1]?.textContent ?? NONE);
}

/** @param {PointerEvent} event */
function clear(event) {
  const svg = /** @type {Element} */ (event.target).closest?.("[data-metric] svg.lines");
  const panel = svg?.closest("[data-metric]");
  if (!svg || !panel) return;
  svg.querySelector(".at")?.remove();
  fill(panel, TITLE, () => NONE);
}

export function start() {
  everywhere((root) => {
    for (const cell of root.querySelectorAll("[data-metric-legend] [data-at]")) /** @type {HTMLElement} */ (cell).hidden = false;
  });
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerout", (event) => {
    const svg = /** @type {Element} */ (event.target).closest?.("[data-metric] svg.lines");
    if (svg && !svg.contains(/** @type {Node | null} */ (event.relatedTarget))) clear(event);
  });
}

// <svg data-brush data-from="ms" data-to="ms">: drag over the plot to look at that time alone.
// The plot is the part between data-left and data-right, in units of the viewBox.

const NS = "http://www.w3.org/2000/svg";
const LEAST = 4;
/** The narrowest time that a drag leads to: a second, or a tenth of what is shown where that is less. */
const LEAST_MS = 1000;
const LEAST_SHARE = 0.1;
const FINEST_MS = 10;

/** @param {SVGSVGElement} svg @param {number} clientX */
function unitsAt(svg, clientX) {
  const box = svg.getBoundingClientRect();
  const width = svg.viewBox.baseVal?.width || box.width;
  const x = ((clientX - box.left) / box.width) * width;
  const left = Number(svg.dataset.left ?? 0);
  const right = Number(svg.dataset.right ?? width);
  return { x: Math.min(Math.max(x, left), right), left, right };
}

/** @param {SVGSVGElement} svg @param {number} one @param {number} other */
function zoom(svg, one, other) {
  const { left, right } = unitsAt(svg, 0);
  const from = Number(svg.dataset.from);
  const span = Number(svg.dataset.to) - from;
  const at = (/** @type {number} */ x) => Math.round(from + ((x - left) / (right - left)) * span);
  let [first, last] = [at(Math.min(one, other)), at(Math.max(one, other))];
  const least = Math.max(FINEST_MS, Math.min(LEAST_MS, Math.round(span * LEAST_SHARE)));
  if (last - first < least) {
    if (span <= least) return;
    first = Math.round(Math.max(from, Math.min((first + last - least) / 2, from + span - least)));
    last = first + least;
  }
  const next = new URL(location.href);
  for (const name of ["since", "cursor", "live"]) next.searchParams.delete(name);
  next.searchParams.set("from", new Date(first).toISOString());
  next.searchParams.set("to", new Date(last).toISOString());
  location.assign(next);
}

/** @param {PointerEvent} event */
function begin(event) {
  const svg = /** @type {Element} */ (event.target).closest?.("svg[data-brush]");
  if (!(svg instanceof SVGSVGElement) || event.button !== 0) return;
  const { x: first } = unitsAt(svg, event.clientX);
  const height = svg.viewBox.baseVal?.height || svg.getBoundingClientRect().height;
  const mark = document.createElementNS(NS, "rect");
  mark.setAttribute("class", "selection");
  mark.setAttribute("height", String(height));
  let last = first;
  let drawn = false;
  const draw = (/** @type {PointerEvent} */ moved) => {
    last = unitsAt(svg, moved.clientX).x;
    if (Math.abs(last - first) < LEAST) return;
    if (!drawn) {
      drawn = true;
      svg.append(mark);
      svg.setPointerCapture(event.pointerId);
    }
    mark.setAttribute("x", String(Math.min(first, last)));
    mark.setAttribute("width", String(Math.abs(last - first)));
    moved.preventDefault();
  };
  const stop = (/** @type {Event} */ ended) => {
    svg.removeEventListener("pointermove", draw);
    svg.removeEventListener("pointerup", stop);
    svg.removeEventListener("pointercancel", stop);
    document.removeEventListener("keydown", escape);
    mark.remove();
    if (!drawn) return;
    // A drag that ends over a column must not follow the column's link too.
    svg.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
    if (ended.type === "pointerup" && Math.abs(last - first) >= LEAST) zoom(svg, first, last);
  };
  const escape = (/** @type {KeyboardEvent} */ key) => { if (key.key === "Escape") stop(key); };
  svg.addEventListener("pointermove", draw);
  svg.addEventListener("pointerup", stop);
  svg.addEventListener("pointercancel", stop);
  document.addEventListener("keydown", escape);
}

export function start() {
  document.addEventListener("pointerdown", begin);
  document.addEventListener("dragstart", (event) => {
    if (/** @type {Element} */ (event.target).closest?.("svg[data-brush]")) event.preventDefault();
  });
}

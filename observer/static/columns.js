// The columns of a histogram are links: one of them is a stop of Tab, the arrows lead to the others,
// and Enter looks at the time of the column alone.
import { everywhere } from "./swap.js";

/** @param {Element} svg */
const links = (svg) => /** @type {SVGAElement[]} */ ([...svg.querySelectorAll("a[href]")]);

/** @param {SVGAElement[]} all @param {SVGAElement} chosen */
function stop(all, chosen) {
  for (const link of all) link.setAttribute("tabindex", link === chosen ? "0" : "-1");
}

export function start() {
  everywhere((root) => {
    const within = [...root.querySelectorAll("svg.columns")];
    if (root instanceof Element && root.matches("svg.columns")) within.push(root);
    for (const svg of within) {
      const all = links(svg);
      if (all.length) stop(all, all[all.length - 1]);
    }
  });
  document.addEventListener("keydown", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("svg.columns a");
    const svg = link?.closest("svg.columns");
    if (!svg || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = links(svg);
    const now = all.indexOf(/** @type {SVGAElement} */ (link));
    const wanted = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: all.length - 1 }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const next = all[wanted];
    if (!next) return;
    stop(all, next);
    next.focus();
  }, { capture: true });
}

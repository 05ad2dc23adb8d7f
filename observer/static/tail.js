// <tbody data-tail="address" data-cursor="id"> asks for rows that arrived after the cursor and puts them
// where their time belongs, unless the reader has scrolled, opened or chosen something: then they are
// counted and announced. What comes faster than can be followed is announced, too, to be loaded anew.
// #log-counts is kept up to date meanwhile.
import { announceContent, everywhere } from "./swap.js";
import { announce, answered, due, EVERY_MS, showAll, withdraw } from "./updates.js";

const MOST_ROWS = 500;
const PAGES_A_TURN = 5;
const TURNS_BETWEEN_COUNTS = 4;

/** Bodies whose tail has begun: a body may be part of content that comes again. @type {WeakSet<Element>} */
const begun = new WeakSet();

/** @param {HTMLElement} body */
function reading(body) {
  const box = body.closest("[data-tail-box]");
  if (box && box.scrollTop > 16) return true;
  if (window.scrollY > 16 && !box) return true;
  return body.contains(document.activeElement) || Boolean(body.querySelector("[aria-selected='true']"));
}

/** @param {HTMLElement} body @param {HTMLElement[]} rows newest first */
function put(body, rows) {
  for (const row of rows) {
    const after = [...body.children].find((other) => (/** @type {HTMLElement} */ (other).dataset.order ?? "") < (row.dataset.order ?? ""));
    if (after) after.before(row);
    // What is older than a list that goes on is found further on.
    else if (body.dataset.partial === undefined) body.append(row);
    window.htmx?.process(row);
  }
  while (body.children.length > MOST_ROWS) {
    body.lastElementChild?.remove();
    body.dataset.partial = "";
    // The page's own "Show more" would now skip what was taken away.
    const further = body.closest(".log-list")?.querySelector("a[rel='next']");
    if (further instanceof HTMLAnchorElement) {
      further.href = location.href;
      further.textContent = "Load anew for older ones";
    }
  }
  announceContent(body);
}

/** @param {string} address */
async function page(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** @param {HTMLElement} body */
async function fetched(body) {
  const address = new URL(body.dataset.tail ?? "", location.href);
  address.searchParams.set("after", body.dataset.cursor ?? "");
  const next = (await page(address.href)).querySelector("tbody");
  if (!next) throw new Error("no rows");
  if (next.dataset.cursor) body.dataset.cursor = next.dataset.cursor;
  const rows = /** @type {HTMLElement[]} */ ([...next.children]).filter((row) => !document.getElementById(row.id));
  return { rows, more: next.dataset.more !== undefined, lost: next.dataset.lost !== undefined };
}

async function count() {
  const here = document.getElementById("log-counts");
  if (!here || here.matches(":hover, :focus-within")) return false;
  const there = (await page(location.href)).getElementById("log-counts");
  if (!there) return false;
  here.replaceWith(there);
  announceContent(there);
  return true;
}

/** @param {HTMLElement} body */
function tail(body) {
  /** @type {HTMLElement[]} */
  let waiting = [];
  let asking = false;
  let behind = false;
  let turns = 0;
  let stale = false;
  const show = () => {
    put(body, waiting);
    waiting = [];
    withdraw();
  };
  const begin = () => {
    waiting = [];
    showAll().then(() => { behind = false; });
  };
  const turn = async () => {
    for (let asked = 1; ; asked += 1) {
      const { rows, more, lost } = await fetched(body);
      waiting = [...rows, ...waiting];
      stale ||= rows.length > 0;
      behind = lost || waiting.length > MOST_ROWS || (more && asked >= PAGES_A_TURN);
      if (behind || !more) break;
    }
    turns += 1;
    if (behind) return announce(waiting.length ? `More than ${waiting.length} new` : "Many new logs", begin);
    if (waiting.length && reading(body)) announce(`${waiting.length} new`, show);
    else if (waiting.length) show();
    if (stale && turns >= TURNS_BETWEEN_COUNTS && (await count())) {
      stale = false;
      turns = 0;
    }
  };
  const timer = setInterval(async () => {
    if (!body.isConnected) return clearInterval(timer);
    if (asking || behind || body.dataset.tail === undefined || !due(body)) return;
    asking = true;
    await turn().then(() => answered(body, true), () => answered(body, false));
    asking = false;
  }, EVERY_MS);
}

export function start() {
  everywhere((root) => {
    const body = root.querySelector("tbody[data-tail]");
    if (!(body instanceof HTMLElement) || begun.has(body)) return;
    begun.add(body);
    tail(body);
  });
}

// New data is announced, never pulled under the reader.
// <… data-news="address"> asks that address, which answers {"count": n, "words": "3 new sessions"}.
// With data-news-parts="#one #two" showing them exchanges these parts alone, and rows that are open stay so.
// <… id data-refresh> holds nothing but numbers, and is kept up to date.
import { page, say } from "./part.js";
import { renew } from "./renew.js";

const EVERY_MS = 2500;
const SLOWEST_MS = 20_000;

/** @param {string} words @param {() => void} show */
export function announce(words, show) {
  let place = document.querySelector(".news");
  if (!place) {
    place = document.createElement("div");
    place.className = "news";
    document.getElementById("main")?.append(place);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.key = "news";
  button.textContent = `${words} · show`;
  button.addEventListener("click", show);
  if (place.textContent !== button.textContent) {
    place.replaceChildren(button);
    say(words);
  }
}

/** @param {() => Promise<void>} ask */
export function repeat(ask) {
  let pause = EVERY_MS;
  const turn = async () => {
    if (!document.hidden) {
      try {
        await ask();
        pause = EVERY_MS;
      } catch {
        pause = Math.min(pause * 2, SLOWEST_MS);
      }
    }
    setTimeout(turn, pause);
  };
  setTimeout(turn, pause);
}

/** @param {HTMLElement} place */
function news(place) {
  const show = () => {
    const parts = place.dataset.newsParts;
    if (!parts) return location.reload();
    renew(parts.split(" ")).then((shown) => {
      if (!shown) return location.reload();
      document.querySelector(".news")?.remove();
      place = document.querySelector("[data-news]") ?? place;
    }, () => location.reload());
  };
  repeat(async () => {
    if (!place.isConnected) return;
    const answer = await fetch(place.dataset.news ?? "", { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const { count, words } = await answer.json();
    if (count > 0) announce(words, show);
  });
}

/** Elements with data-refresh and an id hold numbers alone: they are exchanged for newer ones. */
function refresh() {
  repeat(async () => {
    const ids = [...document.querySelectorAll("[data-refresh][id]")].map((element) => element.id);
    const next = await page(location.href);
    for (const id of ids) {
      const here = document.getElementById(id);
      const there = next.getElementById(id);
      if (here && there && !here.contains(document.activeElement) && here.innerHTML !== there.innerHTML) here.replaceWith(there);
    }
  });
}

export function start() {
  if (document.querySelector("[data-refresh][id]")) refresh();
  const place = document.querySelector("[data-news]");
  if (place instanceof HTMLElement) news(place);
}

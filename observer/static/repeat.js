// Asking the server again and again; where it does not answer, the live switch of the header says since when.
import { say } from "./part.js";

const EVERY_MS = 2500;
const SLOWEST_MS = 20_000;
export const PULSE_MS = 10_000;
const ENOUGH_FAILURES = 2;

/** Tell in the header's switch since when nothing answers; without a time, that all is well. @param {Date | null} since */
function connection(since) {
  const live = document.querySelector("[data-live-switch]");
  const words = live?.lastChild;
  if (!(live instanceof HTMLElement) || !words) return;
  if (!since) {
    if (live.dataset.words === undefined) return;
    words.textContent = live.dataset.words;
    delete live.dataset.words;
    live.classList.remove("lost");
    return;
  }
  if (live.dataset.words !== undefined) return;
  live.dataset.words = words.textContent ?? "";
  words.textContent = `Not connected since ${since.toLocaleTimeString("en-GB")}`;
  live.classList.add("lost");
  say(words.textContent);
}

/** Ask again and again while the page is seen. @param {() => Promise<void>} ask @param {number} [every] ms */
export function repeat(ask, every = EVERY_MS) {
  let pause = every;
  let failures = 0;
  /** @type {Date | null} */
  let since = null;
  const turn = async () => {
    if (!document.hidden) {
      try {
        await ask();
        pause = every;
        failures = 0;
        since = null;
        connection(null);
      } catch {
        failures += 1;
        since ??= new Date();
        if (failures >= ENOUGH_FAILURES) connection(since);
        pause = failures < ENOUGH_FAILURES ? EVERY_MS : Math.min(pause * 2, SLOWEST_MS);
      }
    }
    setTimeout(turn, pause);
  };
  setTimeout(turn, pause);
}

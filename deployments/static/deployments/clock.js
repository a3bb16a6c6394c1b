/* Time on the page: durations that go on, and how fresh what is shown is. By the server's clock. */

const WORKER_MS = 15_000;           // a worker takes a step every few seconds; longer without one is worth saying
let ahead = 0;                      // the server's clock minus the browser's, in ms

export function setNow(iso) {
  if (iso) ahead = Date.parse(iso) - Date.now();
}

export function now() {
  return Date.now() + ahead;
}

export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function tick() {
  for (const place of document.querySelectorAll("tr:not([hidden]) [data-since], :not(td) > [data-since]")) {
    const text = clock(now() - Date.parse(place.dataset.since));
    if (place.textContent !== text) place.textContent = text;
  }
}

/* Returns the sentence about freshness and whether it is a warning. */
export function freshness(facts, words, language) {
  if (facts.isOver) return [words.final, false];
  const stepped = facts.ticked ? now() - Date.parse(facts.ticked) : Infinity;
  const asked = facts.created ? now() - Date.parse(facts.created) : Infinity;
  if (Math.min(stepped, asked) > WORKER_MS) {
    const sentence = facts.ticked ? words.noWorker.replace("{age}", clock(stepped)) : words.noTick;
    return [sentence, true];
  }
  if (!facts.polled) return [words.notAsked, false];
  const seconds = Math.max(0, Math.round((now() - Date.parse(facts.polled)) / 1000));
  const relative = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });
  const ago = seconds < 120 ? relative.format(-seconds, "second") : relative.format(-Math.floor(seconds / 60), "minute");
  return [[words.asOf.replace("{ago}", ago), ...budget(facts)].join(", "), facts.throttled === true];
}

/* By which way news comes, and how much of what AWS bears a minute is used. */
function budget({ percent, throttled }) {
  const { polling, budget: share, throttled: slow } = document.getElementById("live-words").dataset;
  if (typeof percent !== "number") return [polling];
  return throttled ? [polling, slow, share.replace("{percent}", percent)] : [polling, share.replace("{percent}", percent)];
}

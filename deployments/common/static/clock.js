/* Time on the page, by the server's clock: running durations, and the age of the data. */

const WORKER_MS = 15_000;           // a worker takes a step every few seconds; a longer pause is reported
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

/* Whether no worker has taken a step for a while, as far as this page is up to date. */
export function isWorkerSilent(facts) {
  const stepped = facts.ticked ? now() - Date.parse(facts.ticked) : Infinity;
  const requested = facts.created ? now() - Date.parse(facts.created) : Infinity;
  const isHeard = Date.now() - facts.heardAt < WORKER_MS;  // or this page itself is not connected
  return !facts.isOver && isHeard && Math.min(stepped, requested) > WORKER_MS;
}

/* Returns the text about freshness and whether it is a warning. */
export function freshness(facts, words) {
  if (facts.isOver) return [words.final, false];
  if (isWorkerSilent(facts)) {
    const stepped = now() - Date.parse(facts.ticked || facts.created);
    const sentence = facts.ticked ? words.noWorker.replace("{age}", clock(stepped)) : words.noTick;
    return [sentence, true];
  }
  if (!facts.polled) return [words.notAsked, false];
  const updated = facts.isPolling ? words.updatedPolling : words.updated;
  const text = updated.replace("{age}", age(now() - Date.parse(facts.polled), words.units));
  return [[text, ...quota(facts)].join(", "), facts.throttled === true];
}

/* Formatted as on the server: one unit, rounded down. */
function age(ms, units) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, number] = seconds < 60 ? ["s", seconds] : seconds < 3600 ? ["min", seconds / 60] : ["h", seconds / 3600];
  return units[unit].replace("{n}", Math.floor(number));
}

/* The share of the API quota that is used. */
function quota({ percent, throttled }) {
  const { quota: share, throttled: slow } = document.getElementById("live-words").dataset;
  if (typeof percent !== "number") return [];
  return throttled ? [slow, share.replace("{percent}", percent)] : [share.replace("{percent}", percent)];
}

/* What screen readers are told: at most six times a minute, everything that was waiting in one sentence. */

import { announce } from "../portal/page.js";

const GAP_MS = 10_000;
const LONGEST = 3;                  // of many sentences that waited, the last ones matter
let waiting = [];
let spokenAt = -Infinity;
let timer = 0;

export function speak(sentences) {
  waiting.push(...sentences);
  if (waiting.length && !timer) timer = setTimeout(say, Math.max(0, spokenAt + GAP_MS - Date.now()));
}

function say() {
  timer = 0;
  spokenAt = Date.now();
  announce(waiting.slice(-LONGEST).join(" "));
  waiting = [];
}

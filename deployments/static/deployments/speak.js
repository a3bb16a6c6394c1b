/* Announcements for screen readers: at most six a minute, all that are waiting in one. */

import { announce } from "../portal/page.js";

const GAP_MS = 10_000;
const LONGEST = 3;                  // of many waiting sentences, the last ones matter
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
